"""Moments and sizes as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kit.money import Money
from operator_console import formats
from operator_console.payment_shapes import method_words
from operator_console.texts import Reader, reading

NOW = datetime(2026, 11, 22, 7, 35, tzinfo=UTC)  # 10:35 in Moscow
RU = Reader("ru", ZoneInfo("Europe/Moscow"), "light", NOW)
EN = Reader("en", ZoneInfo("Europe/Moscow"), "light", NOW)


@pytest.mark.parametrize(
    ("ago", "russian", "english"),
    [
        (timedelta(minutes=5), "10:30", "10:30"),
        (timedelta(hours=10, minutes=30), "00:05", "00:05"),
        (timedelta(hours=10, minutes=40), "вчера", "yesterday"),
        (timedelta(days=39), "14 окт.", "Oct 14"),
        (timedelta(days=400), "18 окт. 2025\u202fг.", "Oct 18, 2025"),
    ],
)
def test_a_past_moment_takes_as_few_words_as_will_do(ago: timedelta, russian: str, english: str) -> None:
    with reading(RU):
        assert formats.moment(NOW - ago).replace("\xa0", "\u202f") == russian
    with reading(EN):
        assert formats.moment(NOW - ago) == english


def test_the_day_is_that_of_the_reader_and_not_of_the_server() -> None:
    late = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)  # already the 22nd in Moscow
    with reading(RU):
        assert formats.day(late) == "Сегодня, 22 ноября"
    with reading(Reader("ru", ZoneInfo("Europe/Kaliningrad"), "light", datetime(2026, 11, 22, 23, 0, tzinfo=UTC))):
        assert formats.day(late) == "Вчера, 22 ноября"


@pytest.mark.parametrize(
    ("span", "russian"),
    [
        (timedelta(seconds=40), "только что"),
        (timedelta(minutes=38), "38 мин"),
        (timedelta(minutes=64), "1 ч 04 мин"),
        (timedelta(hours=50), "2 дн."),
    ],
)
def test_waiting_is_told_in_the_largest_fitting_units(span: timedelta, russian: str) -> None:
    with reading(RU):
        assert formats.since(NOW - span) == russian


@pytest.mark.parametrize(
    ("at", "russian"),
    [
        (NOW + timedelta(hours=2), "сегодня, 12:35"),
        (NOW + timedelta(hours=20), "завтра, 06:35"),
        (NOW + timedelta(days=3), "25 нояб."),
        (NOW - timedelta(hours=2, minutes=5), "опоздание 2 ч"),
        (NOW - timedelta(minutes=20), "опоздание 20 мин"),
        (NOW - timedelta(hours=20), "вчера"),
    ],
)
def test_a_promise_says_when_or_how_late(at: datetime, russian: str) -> None:
    with reading(RU):
        assert formats.due(at) == russian


def test_sums_follow_the_language() -> None:
    with reading(RU):
        assert formats.money(Money(145000)) == "1\xa0450\xa0₽"
        assert formats.money_plain(Money(145050)) == "1450,5"
    with reading(EN):
        assert formats.money(Money(145000)) == "₽1,450"


@pytest.mark.parametrize(("size", "russian"), [(900, "900 Б"), (184_320, "180 КБ"), (5_400_000, "5,1 МБ")])
def test_sizes_are_rounded_for_people(size: int, russian: str) -> None:
    with reading(RU):
        assert formats.file_size(size) == russian


@pytest.mark.parametrize(
    ("told", "russian"),
    [
        ("Bank card *4444", "банковская карта *4444"),
        ("YooMoney wallet 410011758831136", "кошелёк ЮMoney 410011758831136"),
        ("SBP", "СБП"),
        ("sbp", "СБП"),
        ("Подарочная карта 12", "Подарочная карта 12"),
        ("", ""),
    ],
)
def test_a_way_of_paying_is_told_in_the_readers_words(told: str, russian: str) -> None:
    with reading(RU):
        assert method_words(told) == russian
