"""Telegram's updates in our words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels import telegram_read
from bot.channels.base import button_name, read_button
from inbox.content import Contact, Location, MediaKind, Press, Span, Style

ANNA = {"id": 7, "is_bot": False, "first_name": "Анна", "last_name": "Ветрова", "language_code": "ru-RU"}
CHAT = {"id": 7, "type": "private", "first_name": "Анна"}
SAMPLES = Path(__file__).parents[3] / "shared/specs/telegram/updates_luzrain/events"


def message(**fields: Any) -> dict[str, Any]:
    return {"update_id": 1, "message": {"message_id": 5, "date": 1700000000, "chat": CHAT, "from": ANNA, **fields}}


def test_a_text_with_who_said_it() -> None:
    (incoming,) = telegram_read.read(message(text="Есть кружки?"))
    assert (incoming.external_id, incoming.text) == ("5", "Есть кружки?")
    profile = incoming.profile
    assert (profile.external_id, profile.name, profile.locale) == ("7", "Анна Ветрова", "ru")


def test_formatting_is_counted_in_letters_not_in_utf16_units() -> None:
    entities = [{"type": "bold", "offset": 3, "length": 4}, {"type": "custom_emoji", "offset": 0, "length": 2}]
    (incoming,) = telegram_read.read(message(text="😀 цена", entities=entities))
    assert incoming.spans == (Span(Style.BOLD, 2, 4),)


@given(st.text(alphabet="аб😀x\n", min_size=1, max_size=40), st.data())
def test_spans_survive_the_way_there_and_back(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    span = Span(Style.ITALIC, start, data.draw(st.integers(1, len(text) - start)))
    assert telegram_read.read_spans(text, telegram_read.write_spans(text, [span])) == (span,)


def test_the_largest_photo_is_taken_with_its_caption() -> None:
    sizes = [{"file_id": n, "width": w, "height": w, "file_size": w} for n, w in (("s", 90), ("l", 800), ("m", 320))]
    (incoming,) = telegram_read.read(message(photo=sizes, caption="сколы", media_group_id="g1"))
    assert (incoming.media[0].kind, incoming.media[0].remote) == (MediaKind.PHOTO, "l")
    assert (incoming.text, incoming.album) == ("сколы", "g1")


@pytest.mark.parametrize(
    ("field", "kind"),
    [("document", MediaKind.DOCUMENT), ("voice", MediaKind.VOICE), ("video", MediaKind.VIDEO), ("sticker", "sticker")],
)
def test_media_of_each_kind(field: str, kind: str) -> None:
    (incoming,) = telegram_read.read(message(**{field: {"file_id": "f", "file_size": 10, "emoji": "👍"}}))
    assert incoming.media[0].kind == kind
    assert not incoming.unsupported


def test_only_ones_own_contact_is_vouched_for() -> None:
    own = {"phone_number": "+79000000007", "first_name": "Анна", "user_id": 7}
    (mine,) = telegram_read.read(message(contact=own))
    (other,) = telegram_read.read(message(contact=own | {"user_id": 8}))
    assert mine.contact == Contact("+79000000007", "Анна", own=True)
    assert mine.profile.phone == "+79000000007"
    assert other.contact == Contact("+79000000007", "Анна", own=False)
    assert other.profile.phone == ""


def test_a_place() -> None:
    (incoming,) = telegram_read.read(message(location={"latitude": 55.75, "longitude": 37.61}))
    assert incoming.location == Location(55.75, 37.61)


def test_start_with_and_without_a_parameter() -> None:
    assert telegram_read.read(message(text="/start"))[0].start == ""
    assert telegram_read.read(message(text="/start p_12"))[0].start == "p_12"
    assert telegram_read.read(message(text="старт"))[0].start is None


def test_a_kind_that_nobody_knows_is_named_and_kept() -> None:
    (incoming,) = telegram_read.read(message(dice={"emoji": "🎲", "value": 3}))
    assert incoming.unsupported == "dice"


def test_a_press_names_its_button() -> None:
    query = {"id": "q1", "from": ANNA, "message": {"message_id": 5, "chat": CHAT}, "data": button_name(291, 2, 10)}
    (incoming,) = telegram_read.read({"update_id": 2, "callback_query": query})
    assert incoming.press == Press(message_id=291, version=2, index=10, ack="q1", place="5")


@pytest.mark.parametrize("forged", ["", "x", "1.2", "1.2.3.4", "-1.1.1", "0.1.1", "1.0.1", "f" * 60, "1.1.zz"])
def test_a_forged_button_name_names_nothing(forged: str) -> None:
    assert read_button(forged) == (0, 0, 0)


@given(st.integers(1, 2**62), st.integers(1, 10**6), st.integers(0, 200))
def test_button_names_are_short_and_read_back(message_id: int, version: int, index: int) -> None:
    name = button_name(message_id, version, index)
    assert len(name.encode()) <= 64
    assert read_button(name) == (message_id, version, index)


def test_groups_channels_and_edits_in_them_are_nothing_to_us() -> None:
    group = message(text="всем привет")
    group["message"]["chat"] = {"id": -100, "type": "supergroup", "title": "x"}
    assert telegram_read.read(group) == ()
    assert telegram_read.chat_of(group) == ""


def test_a_buyer_who_stops_the_bot_has_left() -> None:
    change = {"chat": CHAT, "from": ANNA, "date": 1, "new_chat_member": {"status": "kicked", "user": ANNA}}
    (incoming,) = telegram_read.read({"update_id": 9, "my_chat_member": change})
    assert incoming.left


def test_real_samples_of_every_kind_are_read_without_a_crash() -> None:
    if not SAMPLES.exists():
        pytest.skip("the samples in ../shared are not here")
    read = {path.stem: telegram_read.read(json.loads(path.read_text())) for path in SAMPLES.glob("*.json")}
    assert read["message"]
    assert read["callbackQuery"]
