"""Letters in our words: who writes, what is said, what a program wrote, and what nobody foresaw."""

from __future__ import annotations

import time

import pytest

from bot.channels import email_parts, email_read
from inbox.content import Fate, MediaKind, Receipt
from inbox.reading import key_of
from tests.bot.letters import ANNA, KEY, MADE, OWN, ours, read, report, source, stored, told


@pytest.mark.parametrize(
    ("given", "name", "address"),
    [
        ("=?utf-8?B?0JDQvdC90LA=?= <Anna@Mail.Example>", "Анна", "anna@mail.example"),
        ('"=?koi8-r?B?4c7OwQ==?=" <anna@mail.example>', "Анна", "anna@mail.example"),
        ('"Лунина, Вера (дом)" <v@mail.example>', "Лунина, Вера (дом)", "v@mail.example"),
        ("anna@кружки.example", "anna@кружки.example", "anna@xn--f1aeeb2as.example"),
        ("=?utf-8?Q?=D0?= =?no-such-charset?Q?A?= <anna@mail.example>", None, "anna@mail.example"),
        ("anna@mail.example (Anna)", "Anna", "anna@mail.example"),
        ("evil\r\n\tBcc: x <anna@mail.example>", None, "anna@mail.example"),
    ],
)
def test_who_writes(given: str, name: str | None, address: str) -> None:
    raw = b"From: " + given.encode() + b"\r\nMessage-ID: <1@x>\r\n\r\nhello"
    [said] = email_read.read(stored(raw), OWN)
    assert said.profile.external_id == address
    assert name is None or said.profile.name == name
    assert "\n" not in said.profile.name


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("=?utf-8?B?0JDQvdC90LA?=", "Анна"),
        ("=?utf-8?B?A?=", "=?utf-8?B?A?="),
        ("=?utf-8?B?0JDQvdC90LA=!?=", "Анна"),
        ("=?unicode_escape?Q?a=5Cud800=5Cx00?=", "a? "),
        ("=?utf-7?Q?+2AA-?=", "?"),
    ],
)
def test_words_of_a_head_that_are_spoilt_hide_nobody(given: str, shown: str) -> None:
    raw = f"From: {given} <anna@mail.example>\r\nSubject: {given}\r\nMessage-ID: <1@x>\r\n\r\nhello".encode()
    [said] = email_read.read(stored(raw), OWN)
    assert said.profile.external_id == "anna@mail.example"
    assert said.profile.name == shown.strip()
    assert said.text.endswith("hello")


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "utf-16", "idna", "zlib"])
def test_no_charset_makes_letters_that_nothing_keeps(charset: str) -> None:
    for body in (b"+2AA- +AAA-", b"\\ud800 \\x00", b"\x00\xd8" * 9):
        head = f"From: a@mail.example\r\nMessage-ID: <1@x>\r\nContent-Type: text/plain; charset={charset}\r\n\r\n"
        [said] = email_read.read(stored(head.encode() + body), OWN)
        assert "\x00" not in said.text
        assert said.text.encode()


def test_a_type_of_a_million_bytes_holds_nobody_up() -> None:
    """A letter is read in the transaction that keeps it, for which others wait. This one took half a minute."""
    facts = b"\r\n ; fact*0*=x" * 60_000
    raw = (
        b"From: a@mail.example\r\nMessage-ID: <1@x>\r\nContent-Type: text/plain; charset=koi8-r"
        + facts
        + b"\r\n\r\n\xe1"
    )
    began = time.process_time()
    [said] = email_read.read(stored(raw), OWN)
    assert said.text == "А"
    assert time.process_time() - began < 1.5


def test_a_type_that_is_none_is_that_of_any_file() -> None:
    raw = b"From: a@mail.example\r\nMessage-ID: <1@x>\r\nContent-Type: application/x(\0)y; name=a.bin\r\n\r\nhello"
    [said] = email_read.read(stored(raw), OWN)
    assert [media.mime for media in said.media] == ["application/octet-stream"]


def test_an_answer_from_another_address_of_his_stays_in_his_conversation() -> None:
    letter = source("Да", From="Anna <anna@work.example>", In_Reply_To=ours())
    said = read(letter)
    assert said.profile.external_id == ANNA
    assert said.profile.name == "", "a stranger's name is not put on his card"
    assert told(letter) == [Receipt("m29.1", Fate.SENT, key_of(41, MADE))]
    letter = source("Да", From="Anna <anna@work.example>", In_Reply_To=ours(key="another"))
    forged = read(letter)
    assert (forged.profile.external_id, forged.reply_to) == ("anna@work.example", "")
    assert told(letter) == []


def test_a_number_presses_the_button_of_the_letter_that_it_answers() -> None:
    named = ours(choices=0b1011)
    for text, index in (("1", 0), (" 2. ", 1), ("3\n\n> 1. Кружки\n", 3)):
        said = read(source(text, In_Reply_To=named))
        assert said.press is not None
        assert (said.press.message_id, said.press.version, said.press.index, said.press.ack) == (41, 1, index, "")
    for text in ("4", "0", "12", "1 шт", "дом 3"):
        assert read(source(text, In_Reply_To=named)).press is None
    assert read(source("1", In_Reply_To=ours(key="another"))).press is None
    assert read(source("1")).press is None


def test_a_subject_stands_above_words_that_it_adds_to() -> None:
    long = "Подскажите, пожалуйста, можно ли мыть их в посудомойке?"
    assert read(source(long, Subject="Кружки")).text == f"Кружки\n\n{long}"
    assert read(source(long, Subject="Re: Кружки")).text == long
    assert read(source("Каталог", Subject="Вопрос")).text == "Каталог", "it may be an order to the bot"
    assert read(source("", Subject="Есть кружки?")).text == "Есть кружки?"
    assert read(source("привет", Subject="start p_12")).start == "p_12"
    assert read(source("привет", Subject="start staff_abc")).start is None, "nobody of the staff comes by letter"


def test_our_own_letters_are_nobodys() -> None:
    assert email_read.read(stored(source("x", From=f"Shop <{OWN.address.upper()}>")), OWN) == ()
    assert email_read.read(stored(source("x", Message_ID=ours())), OWN) == ()


@pytest.mark.parametrize(
    "head",
    [
        {"Auto_Submitted": "auto-replied (vacation)"},
        {"Precedence": "bulk"},
        {"X_Autoreply": "yes"},
        {"X_Auto_Response_Suppress": "All"},
        {"List_Id": "<news.mail.example>"},
        {"Return_Path": "<>"},
        {"From": "no-reply@bank.example"},
        {"From": "not an address"},
    ],
)
def test_what_a_program_wrote_is_known(head: dict[str, str]) -> None:
    said = read(source("Меня нет на месте", **head))
    assert said.by_machine
    assert said.context == {}, "nothing is answered to it"
    assert not read(source("Я на месте", Auto_Submitted="no", Return_Path=f"<{ANNA}>")).by_machine


@pytest.mark.parametrize(
    ("status", "words", "gone"),
    [
        ("5.1.1", "there is no such mailbox", True),
        ("4.2.2", "the mailbox is full", False),
        ("5.7.1", "the mail server refuses our letters", False),
        ("5.9.9", "the letter cannot be delivered", False),
        ("4.9.9", "the letter could not be delivered for now", False),
    ],
)
def test_a_report_tells_what_became_of_the_letter_that_it_names(status: str, words: str, gone: bool) -> None:
    [said] = email_read.read(stored(report(ours(), status=status)), OWN)
    assert said.receipt == Receipt("m29.1", Fate.FAILED, key_of(41, MADE), reason=words, gone=gone)
    assert said.profile.external_id == ANNA, "it is about the one who was written to"


def test_a_report_that_is_none_marks_nothing() -> None:
    assert read(report(ours(key="another"))).by_machine
    assert told(report(ours(key="another"))) == []
    assert email_read.read(stored(report(ours(), action="delayed", status="4.4.1")), OWN) == (), (
        "it is still on its way"
    )
    seen = report(ours(), kind="disposition-notification")
    assert read(seen).by_machine
    assert told(seen) == []


def test_files_keep_their_names_and_pictures_of_quotations_are_left() -> None:
    parts = (
        b"--e\r\nContent-Type: text/html\r\n\r\n<p>Look</p><img src=cid:a><blockquote><img src=cid:b></blockquote>\r\n"
        b"--e\r\nContent-Type: image/png\r\nContent-ID: <a>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\n"
        b"--e\r\nContent-Type: image/png\r\nContent-ID: <b>\r\n\r\nx\r\n"
        b"--e\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; "
        b"filename*=utf-8''%D1%87%D0%B5%D0%BA%2F..%2Fx.pdf\r\n\r\n%PDF\r\n"
        b"--e\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody\r\n--e--\r\n"
    )
    raw = b"From: a@mail.example\r\nContent-Type: multipart/mixed; boundary=e\r\n\r\n" + parts
    said = read(raw)
    assert said.text == "Look"
    assert [(media.kind, media.name) for media in said.media] == [
        (MediaKind.PHOTO, ""),
        (MediaKind.DOCUMENT, "чек_.._x.pdf"),
        (MediaKind.DOCUMENT, "letter.eml"),
    ]
    part = list(email_parts.leaves(email_read.parsed(raw)))[int(said.media[1].remote.split(" ")[2])]
    assert email_parts.content_of(part) == b"%PDF"


HOSTILE = {
    "nothing": b"",
    "no head": b"\r\n\r\nwords",
    "zero bytes": b"From: a@mail.example\r\n\r\n\x00\x00",
    "a thousand boxes": b"From: a@mail.example\r\n"
    + b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(1000)),
    "a letter in a letter": b"From: a@mail.example\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 2000,
    "many parts": b"From: a@mail.example\r\nContent-Type: multipart/mixed; boundary=e\r\n\r\n"
    + b"--e\r\n\r\nx\r\n" * 20_000,
    "no such charset": b'From: a@mail.example\r\nContent-Type: text/plain; charset="\xff\xfe"\r\n\r\n\xff\xfe\xfd',
    "idna for a charset": b"From: =?idna?Q?a?= <a@mail.example>\r\nContent-Type: text/plain; charset=idna\r\n\r\n\xff",
    "a codec that is none": b"From: =?zlib?B?AAAA?= <a@mail.example>\r\nContent-Type: text/plain; charset=zip\r\n\r\nx",
    "bad base64": b"From: a@mail.example\r\nContent-Transfer-Encoding: base64\r\n\r\n=====!!!",
    "uuencode": b"From: a@mail.example\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 6 x\r\nM!!\r\nend",
    "a long head": b"From: "
    + b"(" * 100_000
    + b"a@mail.example\r\nSubject: "
    + b"=?utf-8?Q?a?= " * 50_000
    + b"\r\n\r\nx",
    "many heads": b"".join(b"X-%d: y\r\n" % n for n in range(50_000)) + b"From: a@mail.example\r\n\r\nx",
    "bad parameters": b"From: a@mail.example\r\nContent-Type: text/plain; charset*0*=x''%ff; name*1=b\r\n\r\nx",
    "half a letter": b"From: =?utf-8?B?0J",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_letter_breaks_anything(kind: str) -> None:
    letter = email_read.parsed(HOSTILE[kind])
    chat = email_read.chat_of(letter, OWN)
    assert 0 < len(chat) <= 120
    assert len(email_read.name_of(letter, HOSTILE[kind])) == 32
    [said] = email_read.read(stored(HOSTILE[kind]), OWN)
    assert said.profile.external_id == chat
    assert len(said.text) <= 20_100
    assert len(said.media) <= email_parts.MOST_FILES
    said.text.encode()
    assert "\x00" not in said.text


def test_an_encrypted_letter_says_so() -> None:
    raw = b"From: a@mail.example\r\nContent-Type: multipart/encrypted; boundary=e\r\n\r\n--e\r\n\r\nx\r\n--e--"
    assert read(raw).unsupported == "encrypted"


def test_a_long_address_has_a_conversation_of_its_own_and_is_known_for_answers() -> None:
    address = f"{'a' * 60}@{'b' * 60}.example"
    said = read(source("Здравствуйте", From=address))
    assert said.profile.external_id.startswith("long-")
    assert said.context["address"] == address


def test_a_link_of_a_letter_is_a_press_and_a_forged_one_is_nothing() -> None:
    token = ours(choices=0b101).removeprefix("<prilavok.").partition("@")[0]
    [said] = email_read.read({"press": f"{token}.2", "once": "x"}, OWN)
    assert said.press is not None
    assert (said.press.message_id, said.press.index) == (41, 2)
    for wrong in (f"{token}.1", f"{token}.9", token, f"{token[:-1]}x.2", f"{token}.zz", ""):
        assert email_read.read({"press": wrong, "once": "x"}, OWN) == ()
    assert KEY not in token
