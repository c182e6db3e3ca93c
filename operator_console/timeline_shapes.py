"""All that happened with a customer, over every channel, the latest first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from catalog.names import named
from company import staff
from company.tables import Shop
from customers import cards, merging, passports
from customers.tables import Customer
from inbox import days
from operator_console import consent_shapes, customer_shapes, people
from operator_console.list_shapes import preview
from operator_console.order_shapes import kin_words
from operator_console.payment_shapes import method_words
from operator_console.people import Shape
from operator_console.rendering import channel_name
from operator_console.texts import gettext as _
from operator_console.texts import ngettext, reader
from orders import history
from payments import past

PER_PAGE = 30

Source = Callable[[Session, Shop, Customer, datetime | None], list[Shape]]


def page(session: Session, shop: Shop, customer_id: int, kind: str, before: str) -> Shape:
    """What partials/timeline.html needs. `before` is the moment that the last page ended with."""
    customer = cards.get(session, customer_id, shop.id)
    kind = kind if kind in SOURCES else ""
    until = _moment(before)
    chosen = [SOURCES[kind]] if kind else list(SOURCES.values())
    found = [entry for source in chosen for entry in source(session, shop, customer, until)]
    found.sort(key=lambda entry: entry["at"], reverse=True)
    shown, more = _cut(found)
    here = f"/customers/{customer.id}/timeline"
    older = {"kind": kind, "before": shown[-1]["at"].isoformat()} if more else {}
    return {
        "entries": shown,
        "first": until is None,
        "older_url": f"{here}?{urlencode(older)}" if more else None,
        "kinds": [
            {"url": f"{here}?kind={name}" if name else here, "label": label, "on": name == kind}
            for name, label in _kinds().items()
        ],
    }


def _cut(found: list[Shape]) -> tuple[list[Shape], bool]:
    """A page, with all that happened at its last moment, so that the next one begins after it."""
    end = PER_PAGE
    while end < len(found) and found[end]["at"] == found[end - 1]["at"]:
        end += 1
    return found[:end], end < len(found)


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _kinds() -> dict[str, str]:
    return {
        "": _("Everything"),
        "talk": _("Messages"),
        "order": _("Orders"),
        "stage": _("Stages"),
        "money": _("Money"),
        "note": _("Notes"),
        "merge": _("Merges"),
        "consent": _("Consents"),
        "passport": _("Codes"),
    }


def _entry(at: datetime, mark: str, title: str, *, text: str = "", by: str = "", url: str | None = None) -> Shape:
    return {"at": at, "mark": mark, "channel": "", "title": title, "text": text, "by": by, "url": url}


def _talk(session: Session, shop: Shop, customer: Customer, before: datetime | None) -> list[Shape]:
    ahead = reader().local(reader().now).utcoffset()
    assert ahead is not None
    found = days.talked(session, shop.id, customer.id, ahead=ahead, before=before, limit=PER_PAGE + 1)
    return [
        _entry(
            day.last,
            "inbox",
            _talk_words(day),
            text=preview(day.text[:200]) or _("a message without words"),
            url=f"/inbox/{day.conversation_id}",
        )
        | {"channel": day.channel}
        for day in found
    ]


def _talk_words(day: days.Day) -> str:
    said = ngettext("{n} message", "{n} messages", day.messages)
    return _("{channel}: {messages}", channel=channel_name(day.channel), messages=said)


def _note(session: Session, shop: Shop, customer: Customer, before: datetime | None) -> list[Shape]:
    found = days.noted(session, shop.id, customer.id, before=before, limit=PER_PAGE + 1)
    return [
        _entry(note.at, "lock", _("Note"), text=note.text, by=note.by, url=f"/inbox/{note.conversation_id}")
        for note in found
    ]


def _moves(session: Session, shop: Shop, customer: Customer, before: datetime | None, *, first: bool) -> list[Shape]:
    found = history.of_customer(session, shop.id, customer.id, placed=first, before=before, limit=PER_PAGE + 1)
    names = _names(session, shop.id)
    return [
        _entry(
            move.at,
            "basket" if first else "forward",
            _("Order No. {number} for {sum}", number=order.number, sum=order.total.format(reader().language))
            if first
            else _(
                "No. {number}: {stage}",
                number=order.number,
                stage=kin_words(move.reason) or named(stage, reader().language),
            ),
            by=names.get(move.actor, ""),
            url=f"/orders/{order.id}",
        )
        for move, order, stage in found
    ]


def _order(session: Session, shop: Shop, customer: Customer, before: datetime | None) -> list[Shape]:
    return _moves(session, shop, customer, before, first=True)


def _stage(session: Session, shop: Shop, customer: Customer, before: datetime | None) -> list[Shape]:
    return _moves(session, shop, customer, before, first=False)


def _money(session: Session, shop: Shop, customer: Customer, before: datetime | None) -> list[Shape]:
    found = past.of_customer(session, shop.id, customer.id, before=before, limit=PER_PAGE + 1)
    return [
        _entry(
            moved.at,
            "refund" if moved.back else "card",
            _money_words(moved),
            text=moved.note if moved.back else method_words(moved.note),
            url=f"/orders/{moved.order_id}",
        )
        for moved in found
    ]


def _money_words(moved: past.Moved) -> str:
    facts = {"sum": moved.amount.format(reader().language), "number": moved.number}
    return _("{sum} given back, No. {number}", **facts) if moved.back else _("{sum} paid, No. {number}", **facts)


def _merge(session: Session, shop: Shop, customer: Customer, before: datetime | None) -> list[Shape]:
    done = merging.into(session, customer)
    names = _names(session, shop.id) if done else {}
    entries = []
    for merge, gone in done:
        name = people.customer(gone.name, gone.id)["name"]
        merged = _entry(merge.at, "people", _("Merged with {name}", name=name), by=names.get(merge.actor, ""))
        entries.append({**merged, "text": customer_shapes.why_merged(merge)})
        if merge.undone_at is not None:
            words = _("The merge with {name} was undone", name=name)
            entries.append(_entry(merge.undone_at, "retry", words, by=names.get(merge.undone_by, "")))
    return [entry for entry in entries if before is None or entry["at"] < before]


def _consent(session: Session, shop: Shop, customer: Customer, before: datetime | None) -> list[Shape]:
    said = consent_shapes.said(session, customer)
    entries = [
        _entry(one["at"], "check" if one["given"] else "cross", one["title"], text=one["reason"], by=one["how"])
        for one in said
    ]
    return [entry for entry in entries if before is None or entry["at"] < before]


def _passport(session: Session, shop: Shop, customer: Customer, before: datetime | None) -> list[Shape]:
    steps = passports.past(session, customer.id)
    names = _names(session, shop.id) if steps else {}
    channels = days.channels_of(session, shop.id, {step.conversation_id for step in steps if step.conversation_id})
    entries = []
    for step in steps:
        channel = channels.get(step.conversation_id or 0, "")
        there = f"/inbox/{step.conversation_id}" if channel else None
        mark, title = _PASSED[step.step], _passed_words(step, channel, by_staff=step.actor in names)
        entries.append(_entry(step.at, mark, title, by=names.get(step.actor, ""), url=there))
    return [entry for entry in entries if before is None or entry["at"] < before]


_PASSED = {passports.Step.ASKED: "link", passports.Step.USED: "forward", passports.Step.TAKEN_BACK: "retry"}


def _passed_words(step: passports.Passed, channel: str, *, by_staff: bool) -> str:
    if step.step is passports.Step.USED:
        return _("Came with the code: {channel}", channel=channel_name(channel)) if channel else _("Came with the code")
    if step.step is passports.Step.TAKEN_BACK:
        return _("“That was not me”: what went along with the code is back")
    return _("Given a code for another messenger") if by_staff else _("Asked for a code for another messenger")


def _names(session: Session, shop_id: int) -> dict[str, str]:
    """Who did it, for actors that are people of the shop."""
    return {f"staff:{person.id}": person.name for person, _role in staff.of_shop(session, shop_id)}


SOURCES: dict[str, Source] = {
    "talk": _talk,
    "order": _order,
    "stage": _stage,
    "money": _money,
    "note": _note,
    "merge": _merge,
    "consent": _consent,
    "passport": _passport,
}
"""What the timeline is made of, by the kind that it can be narrowed to."""
