"""Parts of a customer's card as templates draw them: contacts, own fields, why two cards may be one person."""

from __future__ import annotations

from datetime import date

from babel.dates import format_date
from babel.numbers import format_decimal
from sqlalchemy.orm import Session

from customers import cards, contacts, duplicates, fields, proofs
from customers.duplicates import Reason, Why
from customers.fields import Held
from customers.tables import ContactKind, Customer, Field, FieldKind, Merge
from inbox import listing
from operator_console import formats, people
from operator_console.card_forms import NOTHING, Asked
from operator_console.people import Shape
from operator_console.rendering import channel_name
from operator_console.texts import gettext as _
from operator_console.texts import reader


def contact_list(session: Session, customer: Customer, *, may_edit: bool) -> Shape:
    """What partials/contacts.html needs."""
    vouched = proofs.channels(session, customer)
    return {
        "contacts_url": f"/customers/{customer.id}/contacts",
        "may_edit": may_edit,
        "contacts": [
            {
                "id": row.id,
                "kind": row.kind,
                "value": row.value,
                "shown": formats.phone(row.value) if row.kind == ContactKind.PHONE else row.value,
                "main": contacts.main(customer, ContactKind(row.kind)) == row.value,
                "proven": " · ".join(map(channel_name, vouched.get(row.value, ()))),
            }
            for row in contacts.of(session, customer)
        ],
    }


def why_merged(merge: Merge) -> str:
    """What proved that it is one person; "" where somebody decided it."""
    channels = " · ".join(map(channel_name, merge.why.split()))
    return _("the same number is proven by {channels}", channels=channels) if channels else ""


def talks(session: Session, customer: Customer) -> list[Shape]:
    """Who the customer is on each account, with the conversation, and conversations that are nobody's in particular."""
    held = listing.talks_of(session, customer.shop_id, customer.id)
    known = cards.identities(session, customer.id)
    lines: list[Shape] = []
    for identity, account in known:
        name = f"@{identity.username}" if identity.username else identity.name
        talk = listing.talk_with(held, account.id, identity.external_id)
        lines.append({"channel": account.channel, "name": name or account.name, "talk": talk})
    shown, accounts = {line["talk"] for line in lines}, {account.id: account for _identity, account in known}
    for one in held:
        if one.id not in shown and one.account_id in accounts:
            account = accounts[one.account_id]
            lines.append({"channel": account.channel, "name": account.name, "talk": one.id})
    return lines


def own_fields(
    customer: Customer, held: list[Held], *, may_edit: bool, beside: bool = False, asked: Asked = NOTHING
) -> Shape | None:
    """What macros/own_fields.html needs; None if the shop has no such fields. `asked`: by the fields' numbers."""
    if not held:
        return None
    return {
        "url": f"/customers/{customer.id}/fields",
        "beside": beside,
        "may_edit": may_edit,
        "unkept": bool(asked.errors),
        "fields": [_field(one, asked) for one in held],
        "empty": not any(one.value for one in held),
        "wanted": [one.field.name for one in held if one.field.required and not one.value],
    }


def _field(one: Held, asked: Asked) -> Shape:
    field, number = one.field, str(one.field.id)
    typed = asked.typed[number] if number in asked.errors else None
    kept = said(field, one.value) if field.kind == FieldKind.NUMBER else one.value
    chosen = one.value if typed is None else typed
    options = [(str(number), name) for number, name in fields.offered(field)]
    if field.kind == FieldKind.CHOICE and chosen and chosen not in dict(options):
        options.append((chosen, fields.option_name(field, chosen)))
    if field.kind == FieldKind.FLAG:
        options = [(fields.YES, _("yes")), (fields.NO, _("no"))]
    return {
        "id": field.id,
        "name": field.name,
        "kind": field.kind,
        "value": kept if typed is None else typed,
        "was": one.value,
        "error": asked.errors.get(number, ""),
        "shown": said(field, one.value),
        "required": field.required,
        "options": [{"value": "", "label": "—"}] + [{"value": value, "label": label} for value, label in options],
    }


def said(field: Field, value: str) -> str:
    """A value as people read it."""
    if not value:
        return ""
    if field.kind == FieldKind.FLAG:
        return _("yes") if value == fields.YES else _("no")
    if field.kind == FieldKind.CHOICE:
        return fields.option_name(field, value)
    if field.kind == FieldKind.DATE:
        return format_date(date.fromisoformat(value), "d MMMM y", locale=reader().language)
    if field.kind == FieldKind.NUMBER:
        return format_decimal(value, locale=reader().language)
    return value


def kinds() -> dict[FieldKind, str]:
    return {
        FieldKind.TEXT: _("text"),
        FieldKind.NUMBER: _("number"),
        FieldKind.DATE: _("date"),
        FieldKind.FLAG: _("yes or no"),
        FieldKind.CHOICE: _("choice from a list"),
        FieldKind.LINK: _("link"),
    }


def twins(session: Session, customer: Customer) -> list[Shape]:
    """Other cards that may be of the same person, with the reasons."""
    return [
        {
            **people.customer(other.name, other.id),
            "id": other.id,
            "url": f"/customers/{other.id}",
            "merge_url": f"/customers/{customer.id}/merge?with={other.id}",
            "apart_url": f"/customers/{customer.id}/apart",
            "reasons": [reason_words(reason) for reason in reasons],
        }
        for other, reasons in duplicates.of_customer(session, customer)
    ]


def reason_words(reason: Reason) -> str:
    if reason.why is Why.PHONE:
        return _("the same phone {phone}", phone=formats.phone(reason.what))
    if reason.why is Why.EMAIL:
        return _("the same email {email}", email=reason.what)
    if reason.why is Why.USERNAME:
        return _("the same user name @{name}", name=reason.what)
    if reason.what == "100":
        return _("the same name and city")
    return _("the same city, and names alike to {n}%", n=reason.what)
