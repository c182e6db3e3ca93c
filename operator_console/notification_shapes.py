"""Notifications as people read them: an icon, a line, what it is about, and where it leads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from automation.tables import Notification, Told
from company.texts import Texts
from kit.money import Money
from operator_console.order_shapes import reason_words
from operator_console.people import Shape
from operator_console.texts import gettext as _
from operator_console.texts import reader


def shape(told: Notification, texts: Texts) -> Shape:
    """What macros/notification.html draws."""
    mark, title, text = _words(told, texts)
    return {
        "id": told.id,
        "kind": str(told.kind),
        "mark": mark,
        "title": title,
        "text": text,
        "at": told.created_at,
        "unread": told.read_at is None,
        "url": target(told),
        "hot": told.kind in (Told.WAITS, Told.MESSAGE_FAILED, Told.MESSAGE_HELD, Told.TASK_DUE),
    }


def target(told: Notification) -> str:
    """The address of the very thing."""
    if told.task_id is not None:
        return f"/tasks/{told.task_id}"
    if told.kind == Told.DELIVERY_GIVEN:
        return "/deliveries"
    if told.order_id is not None:
        return f"/orders/{told.order_id}"
    if told.message_id is not None:
        return f"/inbox/{told.conversation_id}?message={told.message_id}#message-{told.message_id}"
    return f"/inbox/{told.conversation_id}"


def kinds() -> list[Shape]:
    """Every kind, as a person chooses among them."""
    words = {
        Told.MENTIONED: _("I am called by name in a note"),
        Told.ASSIGNED: _("a conversation is given to me"),
        Told.WAITS: _("my customer waits too long"),
        Told.MESSAGE_FAILED: _("my message was not sent"),
        Told.MESSAGE_HELD: _("a notice waits for its buyer"),
        Told.TASK_GIVEN: _("a task is given to me"),
        Told.TASK_DUE: _("my task is due"),
        Told.TASK_DONE: _("what I asked for is done"),
        Told.DELIVERY_GIVEN: _("I am to deliver an order"),
        Told.ORDER_PAID: _("my order is paid"),
        Told.ORDER_CANCELLED: _("my order is cancelled"),
    }
    return [{"value": str(kind), "label": label} for kind, label in words.items()]


def _words(told: Notification, texts: Texts) -> tuple[str, str, str]:
    """The icon, what happened, and what of."""
    facts = told.facts
    who, text = facts.get("who", ""), facts.get("text", "")
    name = facts.get("name") or _("Nameless guest")
    match told.kind:
        case Told.MENTIONED:
            return "people", _("{who} calls you: {name}", who=who, name=name), text
        case Told.ASSIGNED:
            given = _("{who} gave you a conversation", who=who) if who else _("You are to answer a buyer")
            note = facts.get("note", "")
            return "person", given, f"{name}: {note}" if note else name
        case Told.WAITS:
            since = f"{reader().local(datetime.fromisoformat(facts['since'])):%H:%M}"
            return "clock", _("{name} waits for your answer", name=name), _("since {time}", time=since)
        case Told.MESSAGE_FAILED:
            return "warning", _("Your message was not sent: {name}", name=name), text
        case Told.MESSAGE_HELD:
            return "clock", _("{name} is not told until they write, or by a template", name=name), text
        case Told.TASK_GIVEN:
            return "done", _("{who} gave you a task", who=who), text
        case Told.TASK_DUE:
            return "clock", _("It is time"), text
        case Told.TASK_DONE:
            return "check", _("Your task is done by {who}", who=who), text
        case Told.DELIVERY_GIVEN:
            return "box", _("Order No. {number} is yours to deliver", number=facts["number"]), text or name
        case Told.ORDER_PAID:
            return "card", _("Order No. {number} is paid", number=facts["number"]), _sum(facts)
        case Told.ORDER_CANCELLED:
            reason = reason_words(texts, facts.get("reason", ""))
            return "cross", _("Order No. {number} is cancelled", number=facts["number"]), reason or name


def _sum(facts: dict[str, Any]) -> str:
    return Money(facts["sum"], facts["currency"]).format(reader().language)
