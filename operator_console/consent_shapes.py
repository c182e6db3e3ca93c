"""What a customer has agreed to, as templates and files say it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from company import accounts
from customers import consents
from customers.tables import Consent, ConsentTo, ConsentVia, Customer
from operator_console.payment_shapes import actor_names
from operator_console.people import Shape
from operator_console.rendering import channel_name
from operator_console.texts import gettext as _


def of_customer(session: Session, customer: Customer, *, may_edit: bool) -> Shape:
    """What partials/consents.html needs."""
    lines = said(session, customer)
    newest = {line["what"]: line for line in reversed(lines) if not line["void"]}
    here = f"/customers/{customer.id}/consents"
    return {
        "consents_url": here,
        "may_edit": may_edit,
        "may_write_first": consents.may_write_first(session, customer),
        "consents": [_line(what, newest.get(what)) for what in ConsentTo],
        "consents_said": lines,
    }


def said(session: Session, customer: Customer) -> list[Shape]:
    """Each word of his, the latest first: {what, given, title, at, how, reason, words, void}."""
    rows = consents.history(session, customer.id)
    names = actor_names(session, [row.actor for row in rows])
    channels = (
        {one.id: channel_name(one.channel) for one in accounts.of_shop(session, customer.shop_id)} if rows else {}
    )
    return [_said(row, names, channels) for row in rows]


def beside(session: Session, customer: Customer) -> list[Shape]:
    """The same in a word for each, beside a conversation; nothing for somebody without a card."""
    held = consents.latest(session, customer.id) if customer.id else {}
    said = {what: row.given for what, row in held.items()}
    return [
        {"name": name_of(what), "word": state_words(said.get(what)), "tone": _tone(said.get(what))}
        for what in (ConsentTo if customer.id else ())
    ]


def name_of(what: ConsentTo) -> str:
    return _("Personal data") if what is ConsentTo.PERSONAL_DATA else _("Offers")


def state_words(given: bool | None) -> str:
    """None: nobody has spoken of it."""
    return {None: _("not asked"), True: _("given"), False: _("withdrawn")}[given]


def _tone(given: bool | None) -> str:
    return {None: "", True: "ok", False: "bad"}[given]


def _line(what: ConsentTo, last: Shape | None) -> Shape:
    given = None if last is None else last["given"]
    return {"what": what, "name": name_of(what), "word": state_words(given), "tone": _tone(given), "last": last}


def _said(row: Consent, names: Mapping[str, str], channels: Mapping[int, str]) -> Shape:
    return {
        "what": row.what,
        "given": row.given,
        "title": _title(row),
        "void": row.void_at is not None,
        "at": row.at,
        "how": _how(row, names, channels),
        "reason": row.reason,
        "words": row.words,
    }


def _title(row: Consent) -> str:
    title = f"{name_of(ConsentTo(row.what))}: {state_words(row.given)}"
    return title if row.void_at is None else _("{said} (void: the file was taken back)", said=title)


def _how(row: Consent, names: Mapping[str, str], channels: Mapping[int, str]) -> str:
    if row.via == ConsentVia.IMPORT:
        return _("from a file")
    if row.via == ConsentVia.CHANNEL:
        return _("by himself, {channel}", channel=channels.get(row.account_id or 0, ""))
    return names[row.actor]
