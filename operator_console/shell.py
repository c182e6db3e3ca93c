"""The frame around a signed-in page: the side menu with its counts, and where the live stream goes on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import notifications, task_lists
from automation.task_lists import Counts
from company import accounts
from company.rights import Powers, Right, may
from company.tables import ChannelAccount
from inbox import listing
from inbox.listing import View
from operation import alarms
from operator_console.people import Shape, colleague, role_names
from operator_console.texts import gettext as _
from operator_console.visits import Visit
from orders import book
from storage.tables import EventRow

UNWELL = ("broken", "lost", "conflict")
"""Healths of a channel through which nothing comes or goes."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """What stands in everybody's menu."""

    orders: int
    alarms: int
    channels: Sequence[ChannelAccount]


@dataclass(frozen=True, slots=True)
class _Facts:
    counts: Mapping[str, int]
    tasks: Counts
    unread: int
    shared: _Shared


async def frame(visit: Visit, section: str, *, view: str = "", pane: str = "page") -> Shape:
    """The context that shell.html needs, whatever stands inside it. Ask for it before the page's own facts:
    what changes in between is then told again, not missed."""
    settled = visit.console.live.settled
    at, menu, duty = await visit.read(_around, visit)
    powers = visit.powers
    return {
        "shop": visit.shop,
        "shops": [{"id": one.id, "name": one.name, "current": one.id == visit.shop.id} for one in visit.shops],
        "me": colleague(visit.staff, role=powers.role, duty=duty),
        "section": section,
        "view": view,
        "nav": menu,
        "pane": pane,
        "may_find": visit.may(Right.READ),
        "live": {
            "url": "/live/events",
            "position": at if settled is None else settled,
            "numbers": sees_inbox(powers),
        },
    }


async def nav(visit: Visit) -> Shape:
    """The side menu alone, for its counts."""
    return await visit.read(_menu, visit)


def sees_inbox(powers: Powers) -> bool:
    """Whether the person sees all of the inbox: then what changes in it comes to his pages with the events."""
    return powers.sees_all and may(powers, Right.READ)


def position(session: Session) -> int:
    """The last event there is."""
    return session.scalar(sa.select(sa.func.max(EventRow.id))) or 0


def numbers(session: Session, shop_id: int, people: Mapping[int, Powers]) -> dict[int, Shape]:
    """What stands beside the names in the side menus of these people, who see the whole inbox: by places, what is said
    there and whether it wants doing something about. How many notifications were not read is not among it."""
    ids = list(people)
    counts, tasks = listing.counts_of(session, shop_id, ids), task_lists.counts_of(session, shop_id, ids)
    shared = _shared(session, shop_id)
    return {
        staff_id: _numbers(_nav(_Facts(counts[staff_id], tasks[staff_id], 0, shared), powers))
        for staff_id, powers in people.items()
    }


def _numbers(menu: Shape) -> Shape:
    return {
        "sections": {item["key"]: [item["note"], bool(item["hot"])] for item in menu["sections"]},
        "views": {str(item["key"]): [item["note"], bool(item["hot"])] for item in menu["views"]},
        "channels": {item["channel"]: [item["note"], item["hot"], item["count"]] for item in menu["channels"]},
    }


def _around(session: Session, visit: Visit) -> tuple[int, Shape, str]:
    at = position(session)
    return at, _menu(session, visit), visit.powers.set_name or role_names()[visit.powers.role]


def _menu(session: Session, visit: Visit) -> Shape:
    shop_id, staff_id = visit.shop.id, visit.staff.id
    facts = _Facts(
        counts=listing.counts(session, shop_id, staff_id),
        tasks=task_lists.counts(session, shop_id, staff_id),
        unread=notifications.unread(session, shop_id, staff_id),
        shared=_shared(session, shop_id),
    )
    return _nav(facts, visit.powers)


def _shared(session: Session, shop_id: int) -> _Shared:
    return _Shared(
        orders=book.open_count(session, shop_id),
        alarms=alarms.open_count(session, shop_id),
        channels=[account for account in accounts.of_shop(session, shop_id) if account.active],
    )


def _nav(facts: _Facts, powers: Powers) -> Shape:
    def section(key: str, label: str, mark: str, note: object = "", *, tab: bool = True, hot: bool = False) -> Shape:
        shape = {"key": key, "url": f"/{key}", "label": label, "mark": mark, "note": note or ""}
        return {**shape, "tab": tab, "hot": hot}

    shared = facts.shared
    if not may(powers, Right.READ):
        deliveries = section("deliveries", _("Deliveries"), "box", shared.orders)
        return {"sections": [deliveries], "views": [], "channels": [], "unread": _unread(facts)}
    sections = [
        section("inbox", _("Conversations"), "inbox", facts.counts[View.OPEN]),
        section("orders", _("Orders"), "board", shared.orders),
        section("tasks", _("Tasks"), "done", facts.tasks.open, tab=False, hot=facts.tasks.overdue > 0),
        section("products", _("Products"), "box"),
        section("customers", _("Customers"), "people", tab=False),
    ]
    if may(powers, Right.OPERATION):
        sections.append(section("operation", _("Operation"), "chart", shared.alarms, tab=False))
    if may(powers, Right.SETTINGS):
        sections.append(section("settings", _("Settings"), "settings", tab=False))
    return {
        "sections": sections,
        "views": [
            {"key": view, "url": f"/inbox?view={view}", "label": label, "mark": mark, "note": n or "", "hot": hot and n}
            for view, label, mark, hot in views()
            if (n := facts.counts.get(view, 0)) is not None
        ],
        "channels": _channels(facts),
        "unread": _unread(facts),
    }


def _unread(facts: _Facts) -> str:
    if facts.unread >= notifications.MOST_COUNTED:
        return f"{facts.unread - 1}+"
    return str(facts.unread or "")


def views() -> list[tuple[View, str, str, bool]]:
    """The views of the inbox: key, title, icon, and whether a number in it wants doing something about."""
    return [
        (View.OPEN, _("Open"), "inbox", False),
        (View.MINE, _("Mine"), "person", False),
        (View.UNASSIGNED, _("Nobody’s"), "people", False),
        (View.WAITING, _("Wait for an answer"), "clock", True),
        (View.SNOOZED, _("Snoozed"), "snooze", False),
        (View.CLOSED, _("Closed"), "check", False),
    ]


def _channels(facts: _Facts) -> list[Shape]:
    """One line for each channel, however many accounts it has."""
    lines: dict[str, Shape] = {}
    for account in facts.shared.channels:
        lost = account.health in UNWELL
        line = lines.setdefault(
            account.channel,
            {
                "channel": account.channel,
                "url": f"/inbox?channel={account.channel}",
                "note": (count := facts.counts.get(f"channel:{account.channel}", 0) or ""),
                "count": count,
                "hot": False,
            },
        )
        if lost:
            line |= {"note": _("no connection"), "hot": True}
    return list(lines.values())
