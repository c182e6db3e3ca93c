"""MAX's updates, as they come, in our words."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels import max_read
from emulators.max.wire import from_html
from inbox.content import Incoming, Media, MediaKind, Span, Style

TOKEN = "f9LHodD0cOI-token-of-reading"
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nTEL;TYPE=cell:79000000022\r\nFN:Надежда Ветрова\r\nEND:VCARD\r\n"
SIGNED = hmac.new(TOKEN.encode(), CARD.encode(), hashlib.sha256).hexdigest()

USER = {
    "user_id": 500022,
    "first_name": "Надежда",
    "last_name": "Ветрова",
    "username": "nadya",
    "is_bot": False,
    "last_activity_time": 1790000000000,
    "name": "Надежда Ветрова",
}


def created(body: dict[str, Any] | None = None, *, kind: str = "message_created", **message: Any) -> dict[str, Any]:
    whole = {"mid": "mid.0001", "seq": 1, "text": None, "attachments": None, **(body or {})}
    return {
        "update_type": kind,
        "timestamp": 1790000000123,
        "user_locale": "ru",
        "message": {
            "recipient": {"chat_id": 77, "chat_type": "dialog", "user_id": 600042},
            "timestamp": 1790000000100,
            "sender": USER,
            "body": whole,
            **message,
        },
    }


def read(update: dict[str, Any]) -> Incoming:
    [incoming] = max_read.read(update, TOKEN)
    return incoming


def file(kind: str, **facts: Any) -> dict[str, Any]:
    return {"type": kind, "payload": {"url": f"https://files.max.ru/{kind}", "token": "t-1"}, **facts}


def test_words_come_with_who_says_them_and_when() -> None:
    said = read(created({"text": "Здравствуйте"}))
    assert (said.external_id, said.text, said.sent_at) == ("mid.0001", "Здравствуйте", 1790000000.1)
    profile = said.profile
    assert (profile.external_id, profile.name, profile.username, profile.locale) == (
        "500022",
        "Надежда Ветрова",
        "nadya",
        "ru",
    )


def test_a_name_is_read_from_the_field_that_will_be_gone_one_day() -> None:
    older = {"user_id": 7, "name": "Вера", "username": None, "is_bot": False}
    assert read(created({"text": "да"}, sender=older)).profile.name == "Вера"
    bare = read({**created({"text": "да"}, sender={"user_id": 7}), "user_locale": "en-GB"})
    assert (bare.profile.name, bare.profile.locale) == ("", "en")


@pytest.mark.parametrize(
    ("attachment", "media"),
    [
        (file("image"), Media(MediaKind.PHOTO, remote="https://files.max.ru/image")),
        (file("photo"), Media(MediaKind.PHOTO, remote="https://files.max.ru/photo")),
        (file("video", duration=9), Media(MediaKind.VIDEO, remote="video:t-1", duration=9)),
        (file("audio"), Media(MediaKind.VOICE, remote="https://files.max.ru/audio")),
        (
            file("file", filename="чек.pdf", size=12),
            Media(MediaKind.DOCUMENT, remote="https://files.max.ru/file", name="чек.pdf", size=12),
        ),
        (file("sticker", width=1, height=1), Media(MediaKind.STICKER, remote="https://files.max.ru/sticker")),
    ],
)
def test_each_kind_of_file_is_known(attachment: dict[str, Any], media: Media) -> None:
    said = read(created({"attachments": [attachment]}))
    assert (said.media, said.unsupported) == ((media,), "")


def test_a_contact_is_the_senders_own_only_when_max_has_signed_it_for_this_bot() -> None:
    def contact(**payload: Any) -> Incoming:
        whole = {"vcf_info": CARD, "hash": SIGNED, "max_info": USER, **payload}
        return read(created({"attachments": [{"type": "contact", "payload": whole}]}))

    own = contact()
    assert own.contact is not None
    assert (own.contact.phone, own.contact.name, own.contact.own) == ("+79000000022", "Надежда Ветрова", True)
    assert own.profile.phone == "+79000000022"
    for doubtful in (
        contact(hash=None),
        contact(hash=SIGNED[:-1] + ("0" if SIGNED[-1] != "0" else "1")),
        contact(vcf_info=CARD.replace("79000000022", "79000000099")),
        contact(max_info={**USER, "user_id": 1}),
        contact(max_info=None),
    ):
        assert doubtful.contact is not None
        assert doubtful.contact.phone.startswith("+7900")
        assert not doubtful.contact.own
        assert not doubtful.profile.phone


def test_a_card_without_a_number_is_a_contact_without_one() -> None:
    said = read(created({"attachments": [{"type": "contact", "payload": {"vcf_info": None}}]}))
    assert said.contact is not None
    assert (said.contact.phone, said.contact.own) == ("", False)


@pytest.mark.parametrize(
    "place",
    [
        {"type": "location", "latitude": 55.79, "longitude": 49.1},
        {"type": "location", "payload": {"latitude": 55.79, "longitude": 49.1}},
    ],
)
def test_a_location_is_read_wherever_it_stands(place: dict[str, Any]) -> None:
    said = read(created({"attachments": [place]}))
    assert said.location is not None
    assert (said.location.latitude, said.location.longitude) == (55.79, 49.1)


def test_what_is_passed_on_and_what_is_answered() -> None:
    inner = {"mid": "mid.0000", "seq": 0, "text": "Туман есть?", "attachments": [file("image")]}
    passed_on = read(created(None, link={"type": "forward", "message": inner}))
    assert (passed_on.text, len(passed_on.media), passed_on.reply_to) == ("Туман есть?", 1, "")
    without_body = created(None, link={"type": "forward", "message": inner})
    without_body["message"]["body"] = None
    assert read(without_body).text == "Туман есть?"
    answer = read(created({"text": "Да"}, link={"type": "reply", "message": inner}))
    assert (answer.text, answer.media, answer.reply_to) == ("Да", (), "mid.0000")


def test_a_shared_page_says_its_title_and_address() -> None:
    share = {"type": "share", "payload": {"url": "https://shop.example/mug"}, "title": "Кружка"}
    assert read(created({"attachments": [share]})).text == "Кружка\nhttps://shop.example/mug"
    assert read(created({"text": "вот", "attachments": [share]})).text == "вот"


def test_formatting_is_counted_in_code_points() -> None:
    markup = [{"type": "strong", "from": 3, "length": 4}, {"type": "user_mention", "from": 0, "length": 1}]
    said = read(created({"text": "😀 Туман", "markup": markup}))
    assert said.spans == (Span(Style.BOLD, 2, 4),)


def test_a_press_names_its_message_button_and_place() -> None:
    callback = {"timestamp": 1790000000500, "callback_id": "cb", "payload": "29.3.1", "user": USER}
    update = {**created({"text": "Кружка"}), "update_type": "message_callback", "callback": callback}
    update["message"]["sender"] = {"user_id": 600042, "is_bot": True}
    press = read(update).press
    assert press is not None
    assert (press.message_id, press.version, press.index, press.ack, press.place) == (41, 3, 1, "cb", "mid.0001")
    again = {**update, "callback": {**callback, "timestamp": 1790000000501}}
    assert max_read.id_of(update) == max_read.id_of(dict(update)) != max_read.id_of(again)


def test_who_comes_by_a_link_and_who_leaves() -> None:
    started = {"update_type": "bot_started", "timestamp": 1, "chat_id": 77, "user": USER, "payload": "p_12"}
    assert (read(started).start, read({**started, "payload": None}).start) == ("p_12", "")
    assert read(created({"text": "/start staff_7"})).start == "staff_7"
    assert read({"update_type": "bot_stopped", "timestamp": 2, "chat_id": 77, "user": USER}).left


@pytest.mark.parametrize(
    "update",
    [
        created({"text": "всем"}, recipient={"chat_id": -5, "chat_type": "chat", "user_id": None}),
        {"update_type": "bot_added", "timestamp": 1, "chat_id": 77, "user": USER, "is_channel": False},
        {"update_type": "dialog_muted", "timestamp": 1, "chat_id": 77, "user": USER, "muted_until": 2},
        created({"text": "это бот"}, sender={"user_id": 600042, "is_bot": True}),
    ],
)
def test_what_nobody_says_to_the_shop_is_passed_over(update: dict[str, Any]) -> None:
    assert not max_read.read(update, TOKEN)


def test_a_kind_that_nobody_foresaw_is_named() -> None:
    assert read(created({"attachments": [{"type": "hologram"}]})).unsupported == "hologram"
    assert read(created()).unsupported == "unknown"


STYLED = st.lists(st.tuples(st.sampled_from(sorted(max_read.TAGS)), st.integers(0, 20), st.integers(1, 20)), max_size=5)


@given(st.text(alphabet="аб<>&\"'😀 \n", min_size=1, max_size=40), STYLED)
def test_written_html_says_exactly_the_text(text: str, styled: list[tuple[Style, int, int]]) -> None:
    spans = [Span(s, o, n, 'https://a.example/?b=1&c="2"' if s is Style.LINK else "") for s, o, n in styled]
    shown, markup = from_html(max_read.write_html(text, spans))
    assert shown == text
    assert all(each["length"] > 0 for each in markup)
