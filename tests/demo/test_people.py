"""The invented people are reachable by nobody, and their talk holds together."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from prilavok.demo import goods, pictures
from prilavok.demo.dialogues import dialogues
from prilavok.demo.people import customers, staff

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


def test_thirty_customers_write_from_two_channels_in_two_languages() -> None:
    assert len(customers()) == 30
    assert len({customer.key for customer in customers()}) == 30
    assert {customer.channel for customer in customers()} == {"telegram", "web"}
    assert {customer.language for customer in customers()} == {"ru", "en"}
    assert all(bool(customer.username) is (customer.channel == "telegram") for customer in customers())


def test_phones_and_mail_reach_no_real_person() -> None:
    phones = [customer.phone for customer in customers() if customer.phone]
    assert len(phones) == len(set(phones)) == 28
    assert all(re.fullmatch(r"\+790000\d{5}", phone) for phone in phones)
    assert all(person.email.endswith(".example") for person in customers() if person.email)
    assert all(person.email.endswith(".example") for person in staff())


def test_four_people_work_here_and_one_of_them_owns_it() -> None:
    assert [person.role for person in staff()] == ["owner", "operator", "operator", "operator"]
    assert staff()[0].name.of("ru") == "Илья Дорохов"


def test_dialogues_are_many_and_short() -> None:
    assert len(dialogues(NOW)) >= 12
    assert all(4 <= len(dialogue.lines) <= 14 for dialogue in dialogues(NOW))
    assert len({dialogue.customer.key for dialogue in dialogues(NOW)}) == len(dialogues(NOW))


def test_dialogues_go_forward_in_time_and_end_before_now() -> None:
    for dialogue in dialogues(NOW):
        moments = [line.at for line in dialogue.lines]
        assert moments == sorted(set(moments))
        assert moments[-1] < NOW


def test_the_inbox_has_work_of_every_kind() -> None:
    waiting = [d for d in dialogues(NOW) if d.is_open]
    assert any(d.holder is None and d.unread for d in waiting)
    assert any(d.holder and d.unread for d in waiting)
    assert any(d.holder and not d.unread for d in waiting)
    assert any(not d.is_open for d in dialogues(NOW))
    assert any(line.private for d in dialogues(NOW) for line in d.lines)
    assert any(d.customer.language == "en" for d in waiting)


def test_only_the_buyer_s_last_words_are_unread() -> None:
    for dialogue in dialogues(NOW):
        unread = dialogue.lines[len(dialogue.lines) - dialogue.unread :]
        assert {line.author for line in unread} <= {"buyer"}, dialogue.customer.key


def test_dialogues_name_staff_goods_and_photos_that_exist() -> None:
    keys = {person.key for person in staff()}
    for dialogue in dialogues(NOW):
        assert dialogue.holder in keys | {None}
        for line in dialogue.lines:
            assert line.author in {"buyer", "bot", "staff"}
            assert (line.staff in keys) is (line.author == "staff")
            assert line.card is None or line.card in goods.variants()
            assert line.picture is None or line.picture in pictures.PHOTOS
            assert line.text or line.card or line.picture
