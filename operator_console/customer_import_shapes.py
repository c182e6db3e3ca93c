"""Files of customers in the reader's words: what is wrong with a row, what a file did, and why something stays."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from customers import fields, import_undo, importing
from customers.import_rows import Fault, Wrong
from customers.import_undo import Prospect
from customers.joining import FIELD
from customers.tables import CardImport, CardImportRow, Customer, Field, FieldKind, TakenBack
from operator_console import customer_shapes, people
from operator_console.payment_shapes import actor_names
from operator_console.people import Shape
from operator_console.texts import gettext as _

SHOWN = 100
"""Rows of a kind that are listed: who has more of them has read the first ones."""


def fault_words(wrong: Wrong) -> str:
    value, column = wrong.value[:40], wrong.column
    return {
        Fault.NOBODY: _("Neither phone nor email: nobody could tell whose row it is."),
        Fault.BAD_PHONE: _("“{value}” is no phone number: write +7 900 123-45-67.", value=value),
        Fault.BAD_EMAIL: _("“{value}” is no email: write name@example.com.", value=value),
        Fault.TOO_MANY_CONTACTS: _("More than {most} phones and emails.", most=wrong.fits),
        Fault.TOO_LONG: _(
            "{column}: “{value}…” is {n} characters long, and {most} fit.",
            column=column,
            value=value,
            n=len(wrong.value),
            most=wrong.fits,
        ),
        Fault.NEITHER: _("{column}: “{value}” is neither yes nor no.", column=column, value=value),
        Fault.UNSAID: _("{column}: a date or a source of consent, but neither yes nor no.", column=column),
        Fault.NO_DATE: _("{column}: when was it said? The date of the consent is missing.", column=column),
        Fault.BAD_DATE: _(
            "{column}: “{value}” is no date that means one thing to everybody: write 31.12.2025.",
            column=column,
            value=value,
        ),
        Fault.AHEAD: _("{column}: {value} is still to come.", column=column, value=value),
        Fault.NO_SOURCE: _("{column}: how is it known? The source of the consent is missing.", column=column),
        Fault.NOT_NUMBER: _("{column}: “{value}” is no number: write 12 or 12.5.", column=column, value=value),
        Fault.NOT_OPTION: _(
            "{column}: “{value}” is not on its list, which has: {options}.",
            column=column,
            value=value,
            options=wrong.fits,
        ),
        Fault.NOT_LINK: _("{column}: “{value}” is no link: write https://example.com.", column=column, value=value),
        Fault.SEVERAL: _("Its phones and emails belong to several cards: merge them first, or leave one of them."),
    }[wrong.fault]


def example(own: Sequence[Field]) -> list[list[str]]:
    """Headings, and two people to show how they are filled in."""
    heads = [_("Full name"), _("Phone"), _("Email"), _("City"), _("Address"), _("Tags"), _("Note for the staff")]
    heads += [_("Mailings"), _("Consent date"), _("Consent source")]
    heads += [_("Personal data"), _("Personal data consent date"), _("Personal data consent source")]
    form, phone = _("a paper form"), _("asked by phone not to write")
    said = [_("yes"), "12.05.2025", form]
    anna = ["Анна Ветрова", "+7 900 123-45-67, +7 900 765-43-21", "anna@example.com", "Тула", "Лесная, 5"]
    boris = ["Борис Орлов", "", "boris@example.com", "", ""]
    return [
        [*heads, *(one.name for one in own)],
        [*anna, _("regular, wholesale"), _("Rings twice"), *said, *said, *(_example(one) for one in own)],
        [*boris, "", "", _("no"), "03.02.2026", phone, "", "", "", *("" for _one in own)],
    ]


def _example(own: Field) -> str:
    if own.kind == FieldKind.CHOICE:
        return next((name for _number, name in fields.offered(own)), "")
    return {
        FieldKind.TEXT: _("text"),
        FieldKind.NUMBER: "12",
        FieldKind.DATE: "31.12.1990",
        FieldKind.FLAG: _("yes"),
        FieldKind.LINK: "https://example.com",
    }[FieldKind(own.kind)]


def own_fields(own: Sequence[Field]) -> list[Shape]:
    """The shop's own fields, each a column by its name, and what goes into it."""
    kinds = customer_shapes.kinds()
    return [
        {
            "name": one.name,
            "kind": ", ".join(name for _number, name in fields.offered(one))
            if one.kind == FieldKind.CHOICE
            else kinds[FieldKind(one.kind)],
        }
        for one in own
    ]


def lines(session: Session, shop_id: int) -> list[Shape]:
    """The last files."""
    return [_line(one) for one in importing.latest(session, shop_id)]


def _line(one: CardImport) -> Shape:
    if one.undone_by:
        state = _("taken back") if one.undone_at else _("taking back was cut off")
    else:
        state = _("done") if one.finished_at else _("not taken in to its end")
    return {
        "url": f"/customer-imports/{one.id}",
        "name": one.name,
        "at": one.created_at,
        "state": state,
        "done": one.finished_at is not None and not one.undone_by,
        "counts": counts(one),
    }


def counts(one: CardImport) -> dict[str, int]:
    """customers.importing.Taken by name."""
    return {name: one.counts.get(name, 0) for name in importing.Taken.__slots__}


def page(session: Session, one: CardImport, found: Prospect | None) -> Shape:
    """What pages/customer_import.html needs; `found` is what taking it back would do, None if it cannot be."""
    names = _Names(session, one.shop_id)
    actors = actor_names(session, [actor for actor in (one.actor, one.undone_by) if actor])
    by = import_undo.results(session, one.id)
    differing = importing.differing(session, one.id, SHOWN)
    stayed = [(row, customer, row.why) for row, customer in import_undo.kept(session, one.id, SHOWN)]
    return {
        **_line(one),
        "by": actors[one.actor],
        "undone_at": one.undone_at,
        "undone_by": actors.get(one.undone_by, ""),
        "begun": bool(one.undone_by) and one.undone_at is None,
        "gone": by.get(TakenBack.GONE, 0),
        "back": by.get(TakenBack.BACK, 0),
        "kept": by.get(TakenBack.KEPT, 0),
        "stayed": names.cards(stayed),
        "differing": names.cards([(row, customer, row.differs) for row, customer in differing]),
        "until": one.created_at + importing.KEPT,
        "prospect": None
        if found is None
        else {
            "gone": found.gone,
            "back": found.back,
            "void": found.void,
            "kept": len(found.kept),
            "anything": bool(found.gone or found.back or found.void),
            "stays": names.cards(found.kept[:SHOWN]),
        },
    }


class _Names:
    """What customers.import_undo and customers.joining name, in words."""

    def __init__(self, session: Session, shop_id: int) -> None:
        own = fields.of_shop(session, shop_id, archived=True)
        self._own = {f"{FIELD}{one.id}": one.name for one in own}
        self._touched = {
            "conversation": _("he has written or was written to"),
            "identity": _("he has come by a messenger"),
            "cart": _("he has a cart"),
            "order": _("he has an order"),
            "task": _("there is a task about him"),
            "customer_consent": _("he has spoken of consents since"),
            "customer_passport": _("he was given a code for another messenger"),
            "customer_merge": _("the card was merged with another"),
            "customer_apart": _("somebody has said who he is not"),
        }
        self._columns = {
            "name": _("Full name"),
            "phone": _("Phone"),
            "email": _("Email"),
            "city": _("City"),
            "address": _("Address"),
            "note": _("Note for the staff"),
            "tags": _("Tags"),
            "contacts": _("Contacts"),
        }

    def cards(self, rows: Sequence[tuple[CardImportRow, Customer, list[str]]]) -> list[Shape]:
        return [
            {
                "name": people.customer(customer.name, customer.id)["name"],
                "url": f"/customers/{customer.id}",
                "line": row.line,
                "words": self._words(why),
            }
            for row, customer, why in rows
        ]

    def _words(self, why: Sequence[str]) -> str:
        touched = [self._touched[name] for name in why if name in self._touched]
        columns = [self._columns.get(name) or self._own.get(name, "") for name in why if name not in self._touched]
        if columns := [name for name in columns if name]:
            touched.append(", ".join(dict.fromkeys(columns)))
        return "; ".join(touched)
