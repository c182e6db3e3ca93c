"""The shop's letters, read by the standard library."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from bot.channels import email_names, email_write
from bot.channels.base import Attachment, Parcel
from inbox.content import Action, Button, Card, Media, MediaKind, Outgoing, styled
from tests.bot.letters import ANNA, KEY, OWN
from tests.stories.goods import picture


def written(outgoing: Outgoing, *, links: str = "", **parts: Any) -> EmailMessage:
    parcel = Parcel(
        **{"message_id": 41, "version": 1, "made_ms": 1_700_000_000_000, "chat": ANNA, "outgoing": outgoing, **parts}
    )
    source = email_write.letter(parcel, to=ANNA, sender=("Глина и лён", OWN.address), key=KEY, links=links)
    assert all(len(line) <= 998 for line in source.split(b"\r\n"))
    return message_from_bytes(source, policy=policy.default)


def body(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content()).strip()


ORDER = Outgoing(
    text="Заказ ждёт оплаты",
    rows=((Button("Оплатить", url="https://pay.example/?a=1&b=2"),), (Button("Отменить <всё>", Action("cancel")),)),
    keyboard=((Button("Каталог"), Button("Корзина")),),
    card=Card("payment", 5, "Заказ № 5", "600 ₽"),
)


def test_text_and_page_say_the_same() -> None:
    letter = written(ORDER, links="https://clay.example/letters/3")
    assert letter["Subject"] == "Глина и лён: Заказ № 5"
    assert str(letter["From"]) == "Глина и лён <shop@clay.example>"
    plain, page = body(letter, "plain"), body(letter, "html")
    for words in ("Заказ ждёт оплаты", "«Каталог», «Корзина»"):
        assert words in plain
        assert words in page
    assert "1. Отменить <всё>" in plain
    assert "Оплатить: https://pay.example/?a=1&b=2" in plain
    assert 'href="https://pay.example/?a=1&amp;b=2"' in page
    assert "Отменить &lt;всё&gt;" in page
    [token] = [word.partition('"')[0] for word in page.split("https://clay.example/letters/3/")[1:]]
    assert email_names.read_token(token.rpartition(".")[0], KEY) == email_names.Name(
        41, 1, 0b10, ANNA, 1_700_000_000_000
    )
    assert token.endswith(".1"), "the button's place among all of the letter's"
    assert "letters/3" not in body(written(ORDER), "html")


def test_an_answer_stands_beside_what_it_answers() -> None:
    context = {"subject": "Re: RE: Кружки", "letter": "<b@x>", "thread": "<a@x> <b@x>"}
    letter = written(Outgoing(text="Да"), context=context)
    assert (letter["Subject"], letter["In-Reply-To"], letter["References"]) == ("Re: Кружки", "<b@x>", "<a@x> <b@x>")
    named = email_names.read(str(letter["Message-ID"]), KEY)
    assert named is not None
    assert (named.message_id, named.chat, named.place) == (41, ANNA, "m29.1")
    assert letter["Message-ID"] == written(Outgoing(text="Да"))["Message-ID"], "the same at each try"
    assert letter["Message-ID"] != written(Outgoing(text="Да"), made_ms=1)["Message-ID"], "another database's 41"
    first = written(Outgoing(text="Да"))
    assert (first["Subject"], first["In-Reply-To"]) == ("Глина и лён", None)


def test_only_the_bots_letters_say_that_a_program_wrote_them() -> None:
    assert written(Outgoing(text="Да"))["Auto-Submitted"] is None
    assert written(Outgoing(text="Да"), by_machine=True)["Auto-Submitted"] == "auto-generated"
    answer = written(Outgoing(text="Да"), by_machine=True, context={"letter": "<b@x>"})
    assert answer["Auto-Submitted"] == "auto-replied"


def test_nothing_that_people_write_begins_a_header() -> None:
    evil = "x\r\nBcc: spy@evil.example\r\n\r\nbody"
    letter = written(
        Outgoing(text=evil, card=Card("order", 1, evil)),
        context={"subject": evil, "letter": f"<a@x>{evil}", "thread": evil},
        attachments=[Attachment(Media(MediaKind.DOCUMENT), Path(__file__), "0", "text/x\r\nBcc: y", evil)],
    )
    assert letter["Bcc"] is None
    assert letter["In-Reply-To"] == "<a@x>"
    assert not [part for part in letter.walk() if part["Bcc"]]
    assert [part.get_content_type() for part in letter.iter_attachments()] == ["application/octet-stream"]


def test_formatting_pictures_and_files(tmp_path: Path) -> None:
    text, spans = styled("<b>5 &lt; 6</b> и <a href='https://a.example'>тут</a>\nстрока <a href='javascript:x'>нет</a>")
    (tmp_path / "mug").write_bytes(picture(10))
    (tmp_path / "bill").write_bytes(b"%PDF")
    letter = written(
        Outgoing(text=text, spans=spans),
        attachments=[
            Attachment(Media(MediaKind.PHOTO), tmp_path / "mug", "0", "image/jpeg", "кружка.jpg"),
            Attachment(Media(MediaKind.DOCUMENT), tmp_path / "bill", "1", "application/pdf", "чек.pdf"),
        ],
    )
    page = body(letter, "html")
    assert "<b>5 &lt; 6</b>" in page
    assert '<a href="https://a.example">тут</a><br>строка нет' in page
    assert 'src="cid:p0"' in page
    assert "http" not in page.replace("https://a.example", ""), "nothing is fetched when it is opened"
    [bill] = letter.iter_attachments()
    assert (bill.get_filename(), bill.get_content()) == ("чек.pdf", b"%PDF")
    assert [part["Content-ID"] for part in letter.walk() if part.get_content_maintype() == "image"] == ["<p0>"]
