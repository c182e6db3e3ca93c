"""How moments, sums and sizes are written for the reader. All of it is used as template filters."""

from __future__ import annotations

from datetime import date as date_
from datetime import datetime, timedelta
from functools import lru_cache

import phonenumbers
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal

from kit.money import Money
from operator_console.texts import gettext as _
from operator_console.texts import reader

KILO = 1024


def money(sum_: Money) -> str:
    return sum_.format(reader().language)


def money_plain(sum_: Money) -> str:
    """As a person types it into a field: "1450,50"."""
    return format_decimal(sum_.decimal(), format="0.##", locale=reader().language)


@lru_cache(maxsize=10_000)
def phone(number: str) -> str:
    """+7 900 123-45-67 of an E.164 number; anything else as it is."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return number


def iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def clock(at: datetime) -> str:
    return f"{reader().local(at):%H:%M}"


def full(at: datetime) -> str:
    local = reader().local(at)
    return f"{_in_words('d MMMM y', local.date(), reader().language)}, {local:%H:%M}"


def month(at: datetime) -> str:
    return _in_words("MMMM y", reader().local(at).date(), reader().language)


@lru_cache(maxsize=5_000)
def _in_words(pattern: str, date: date_, language: str) -> str:
    """The date by a pattern of CLDR. A page writes the same few days over and over."""
    return format_date(date, pattern, locale=language)


@lru_cache(maxsize=5_000)
def _in_short(skeleton: str, date: date_, language: str) -> str:
    """The date with these parts, in the order that the language has."""
    return format_skeleton(skeleton, date, locale=language)


def short_day(at: datetime) -> str:
    """14 Oct; with the year when it is not this one."""
    local, now = reader().local(at), reader().local(reader().now)
    return _in_short("MMMd" if local.year == now.year else "yMMMd", local.date(), reader().language)


def _days_from_today(at: datetime) -> int:
    return (reader().local(at).date() - reader().local(reader().now).date()).days


def day(at: datetime) -> str:
    """The line between the days of a thread."""
    date = _in_short("MMMMd", reader().local(at).date(), reader().language)
    match _days_from_today(at):
        case 0:
            return _("Today, {date}", date=date)
        case -1:
            return _("Yesterday, {date}", date=date)
        case _other:
            return date


def moment(at: datetime) -> str:
    """The shortest words that place something past: 10:02, yesterday, 14 Oct."""
    match _days_from_today(at):
        case 0:
            return clock(at)
        case -1:
            return _("yesterday")
        case 1:
            return _("tomorrow, {time}", time=clock(at))
        case _other:
            return short_day(at)


def due(at: datetime) -> str:
    """When something was promised, or how late it is already."""
    now = reader().now
    if at < now and now - at < timedelta(hours=12):
        return _("late by {duration}", duration=_rough(now - at))
    match _days_from_today(at):
        case -1:
            return _("yesterday")
        case 0:
            return _("today, {time}", time=clock(at))
        case 1:
            return _("tomorrow, {time}", time=clock(at))
        case _other:
            return short_day(at)


def ahead(at: datetime) -> str:
    """Something to come, with its hour: 18:00, tomorrow, 09:00, 30 Nov, 09:00."""
    match _days_from_today(at):
        case 0:
            return clock(at)
        case 1:
            return _("tomorrow, {time}", time=clock(at))
        case _other:
            return _("{day}, {time}", day=short_day(at), time=clock(at))


def typed(at: datetime) -> str:
    """As a field of a date and time holds it, by the reader's clock."""
    return f"{reader().local(at):%Y-%m-%dT%H:%M}"


def deadline(at: datetime) -> str:
    """When a task is due, with its hour, or how late it is."""
    now, local = reader().now, reader().local(at)
    if at < now and now - at < timedelta(hours=12):
        return due(at)
    if _days_from_today(at) in (0, 1):
        return due(at)
    return _("{date}, {time}", date=short_day(at), time=f"{local:%H:%M}")


def _rough(span: timedelta) -> str:
    hours = int(span.total_seconds()) // 3600
    return _("{h} h", h=hours) if hours else duration(span)


def duration(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    hours = minutes // 60
    if hours >= 24:
        return _("{d} d", d=hours // 24)
    if hours:
        return _("{h} h {m} min", h=hours, m=f"{minutes % 60:02}")
    return _("{m} min", m=minutes) if minutes > 0 else _("just now")


def since(at: datetime) -> str:
    return duration(reader().now - at)


def length_of_play(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"


def file_size(size: int) -> str:
    if size < KILO:
        return _("{n} B", n=size)
    if size < KILO * KILO:
        return _("{n} kB", n=round(size / KILO))
    return _("{n} MB", n=format_decimal(round(size / KILO / KILO, 1), locale=reader().language))


FILTERS = {
    f.__name__: f
    for f in (
        money,
        money_plain,
        phone,
        iso,
        clock,
        full,
        month,
        short_day,
        day,
        moment,
        due,
        ahead,
        typed,
        deadline,
        since,
        length_of_play,
        file_size,
    )
}
