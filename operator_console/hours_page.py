"""When the shop works, in the settings: by this waiting is counted, and the bot says when it will be answered."""

from __future__ import annotations

import re
from datetime import date, time

from aiohttp import web
from babel.dates import get_day_names
from sqlalchemy.orm import Session

from company import settings, shops
from company.rights import Right
from company.settings import Hours, WorkingHours
from kit.errors import Refused
from operator_console.people import Shape
from operator_console.routing import Route, post
from operator_console.texts import reader
from operator_console.visits import Form, Visit

MOST_DAYS_OFF = 100


class BadHours(Refused):
    """What was entered as hours or as a day off is none; `value` is what."""

    code = "bad_hours"

    def __init__(self, value: str) -> None:
        super().__init__(f"not hours: {value[:40]!r}", value=value[:40])


async def change(visit: Visit) -> web.StreamResponse:
    await visit.write(_change, visit.shop.id, await visit.form())
    return visit.done(go="/settings#hours")


ROUTES: tuple[Route, ...] = (post("/settings/hours", change, Right.SETTINGS),)


def shape(hours: WorkingHours) -> Shape:
    """{always, days: [{n, name, open, opens, closes}], days_off: text}"""
    names = get_day_names("wide", context="stand-alone", locale=reader().language)
    week = hours.week or (Hours(opens=time(9), closes=time(21)),) * 7
    return {
        "always": not hours.week,
        "days": [
            {
                "n": n,
                "name": names[n].capitalize(),
                "open": day is not None,
                "opens": f"{day.opens:%H:%M}" if day else "09:00",
                "closes": f"{day.closes:%H:%M}" if day else "21:00",
            }
            for n, day in enumerate(week)
        ],
        "days_off": ", ".join(f"{day:%d.%m.%Y}" for day in hours.days_off),
    }


def _change(session: Session, shop_id: int, form: Form) -> None:
    settings.change(session, shops.get(session, shop_id), hours=hours_in(form).model_dump())


def hours_in(form: Form) -> WorkingHours:
    """With «always» ticked the week is forgotten; days off are kept either way. Raises BadHours."""
    week = () if form["always"] == "on" else tuple(_day(form, n) for n in range(7))
    return WorkingHours(week=week, days_off=_days_off(form["days_off"]))


def _day(form: Form, n: int) -> Hours | None:
    if form[f"open-{n}"] != "on":
        return None
    opens, closes = _time(form[f"opens-{n}"]), _time(form[f"closes-{n}"])
    try:
        return Hours(opens=opens, closes=closes)
    except ValueError:
        raise BadHours(f"{form[f'opens-{n}']}–{form[f'closes-{n}']}") from None


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text.strip()).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise BadHours(text) from None


def _days_off(text: str) -> tuple[date, ...]:
    """Dates as people write them here: 31.12.2026; also 2026-12-31."""
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    if len(words) > MOST_DAYS_OFF:
        raise BadHours(words[MOST_DAYS_OFF])
    return tuple(sorted({_date(word) for word in words}))


def _date(word: str) -> date:
    day, dot, rest = word.partition(".")
    month, _, year = rest.partition(".")
    try:
        return date(int(year), int(month), int(day)) if dot else date.fromisoformat(word)
    except ValueError:
        raise BadHours(word) from None
