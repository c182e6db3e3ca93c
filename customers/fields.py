"""A shop's own fields of its customers: what they are, and what each customer's hold.

A value is kept as text that compares as the value does: a date as 2026-11-26, a yes as "1", a choice as its option's
number. `normal` makes it and is the only judge of what fits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from customers.events import changed
from customers.tables import Customer, Field, FieldKind, FieldValue
from kit.clock import utc_now
from kit.errors import Missing, Refused
from storage.events import publish

MOST = 40
"""Fields of one shop: a card with more of them is not filled in."""

MOST_OPTIONS = 60
LONGEST = 500
LARGEST = Decimal(10) ** 15

YES, NO = "1", "0"


class NoSuchField(Missing):
    code = "no_such_field"


class FieldUnfit(Refused):
    """A field without a name, or a choice with nothing to choose from."""

    code = "field_unfit"


class FieldNameTaken(Refused):
    code = "field_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a field {name!r}", name=name)


class TooManyFields(Refused):
    code = "too_many_fields"

    def __init__(self) -> None:
        super().__init__(f"{MOST} fields", most=MOST)


class FieldInUse(Refused):
    """Customers have values in it: it can be put away, and not removed."""

    code = "field_in_use"

    def __init__(self, field: Field, used: int) -> None:
        super().__init__(f"{used} customers have a value of field {field.id}", name=field.name, used=used)


class ValueUnfit(Refused):
    """A value that its field does not take; `field_id` says which."""

    code = "value_unfit"

    def __init__(self, field: Field, text: str = "") -> None:
        self.field_id = field.id
        super().__init__(f"field {field.id}", field=field.name, text=text[:40])


class ValueMissing(ValueUnfit):
    code = "value_missing"


class NotANumber(ValueUnfit):
    code = "value_not_number"


class NotADate(ValueUnfit):
    code = "value_not_date"


class NotALink(ValueUnfit):
    code = "value_not_link"


class NotAnOption(ValueUnfit):
    code = "value_not_option"


class ValueTooLong(ValueUnfit):
    code = "value_too_long"


@dataclass(frozen=True, slots=True)
class Held:
    """A field and what one customer's holds; "" is nothing."""

    field: Field
    value: str


# What the fields are


def of_shop(session: Session, shop_id: int, *, archived: bool = False) -> list[Field]:
    """The shop's fields in their order; with `archived` also those that were put away, after the others."""
    query = sa.select(Field).where(Field.shop_id == shop_id)
    if not archived:
        query = query.where(Field.archived_at.is_(None))
    return list(session.scalars(query.order_by(Field.archived_at.is_not(None), Field.position, Field.id)))


def get(session: Session, shop_id: int, field_id: int) -> Field:
    """Raises NoSuchField, for another shop's too."""
    field = session.get(Field, field_id)
    if field is None or field.shop_id != shop_id:
        raise NoSuchField(f"field {field_id} of shop {shop_id}")
    return field


def add(
    session: Session,
    shop_id: int,
    *,
    name: str,
    kind: FieldKind,
    options: Iterable[str] = (),
    required: bool = False,
    beside: bool = True,
) -> Field:
    """One more field, the last of them. Raises FieldUnfit, FieldNameTaken, TooManyFields."""
    known = of_shop(session, shop_id, archived=True)
    if len(known) >= MOST:
        raise TooManyFields()
    field = Field(shop_id=shop_id, kind=kind, position=max((one.position for one in known), default=0) + 1)
    return _write(session, field, name, dict(enumerate(options, start=-MOST_OPTIONS)), required, beside)


def edit(
    session: Session,
    shop_id: int,
    field_id: int,
    *,
    name: str,
    options: Mapping[int, str] | None = None,
    required: bool = False,
    beside: bool = True,
) -> Field:
    """Change everything but the kind, which the values were written by.

    `options` are names by number; a number below 1 is a new one. One that is emptied is offered no more, and stays to
    be read where it is chosen. Raises as `add` does.
    """
    return _write(session, get(session, shop_id, field_id), name, options or {}, required, beside)


def shift(session: Session, shop_id: int, field_id: int, *, back: bool) -> None:
    """Change places with the neighbour; at the end of the list nothing happens."""
    get(session, shop_id, field_id)
    rows = list(
        session.scalars(
            sa.select(Field)
            .where(Field.shop_id == shop_id, Field.archived_at.is_(None))
            .order_by(Field.position, Field.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )
    at = next((n for n, row in enumerate(rows) if row.id == field_id), None)
    to = None if at is None else at + (-1 if back else 1)
    if at is None or to is None or not 0 <= to < len(rows):
        return
    rows[at], rows[to] = rows[to], rows[at]
    for position, row in enumerate(rows, start=1):
        row.position = position
    session.flush()


def archive(session: Session, shop_id: int, field_id: int, *, away: bool) -> None:
    """Put the field away, with its values, or bring it back."""
    field = get(session, shop_id, field_id)
    field.archived_at = utc_now() if away else None
    session.flush()


def remove(session: Session, shop_id: int, field_id: int) -> None:
    """Raises FieldInUse if any customer has a value in it."""
    field = get(session, shop_id, field_id)
    if used := uses(session, [field_id]).get(field_id):
        raise FieldInUse(field, used)
    try:
        with session.begin_nested():
            session.delete(field)
            session.flush()
    except IntegrityError:
        raise FieldInUse(field, 1) from None


def uses(session: Session, field_ids: Collection[int]) -> dict[int, int]:
    """How many customers have a value in each of them."""
    rows = session.execute(
        sa.select(FieldValue.field_id, sa.func.count())
        .where(FieldValue.field_id.in_(field_ids))
        .group_by(FieldValue.field_id)
    )
    return dict(rows.all())


def offered(field: Field) -> list[tuple[int, str]]:
    """The options of a choice that may be chosen now."""
    return [(option["id"], option["name"]) for option in field.options if not option["off"]]


def option_name(field: Field, value: str) -> str:
    """The name of the chosen option, also of one that is offered no more."""
    return next((str(option["name"]) for option in field.options if str(option["id"]) == value), "")


def _write(
    session: Session, field: Field, name: str, options: Mapping[int, str], required: bool, beside: bool
) -> Field:
    name = " ".join(name.split())[:80]
    choices = _options(field, options) if field.kind == FieldKind.CHOICE else []
    if not name or (field.kind == FieldKind.CHOICE and not any(not option["off"] for option in choices)):
        raise FieldUnfit()
    try:
        with session.begin_nested():
            field.name, field.options, field.required, field.beside = name, choices, required, beside
            session.add(field)
            session.flush()
    except IntegrityError:
        raise FieldNameTaken(name) from None
    return field


def _options(field: Field, named: Mapping[int, str]) -> list[dict[str, object]]:
    tidy = {number: " ".join(name.split())[:80] for number, name in named.items()}
    kept: list[dict[str, object]] = []
    for option in field.options or []:
        name = tidy.pop(option["id"], "")
        kept.append({"id": option["id"], "name": name or option["name"], "off": not name})
    free = max((option["id"] for option in field.options or []), default=0) + 1
    fresh = [name for number, name in sorted(tidy.items()) if name and number < 1]
    kept += [{"id": free + n, "name": name, "off": False} for n, name in enumerate(fresh)]
    if len(kept) > MOST_OPTIONS:
        raise FieldUnfit()
    return kept


# What they hold


def normal(field: Field, text: str) -> str:
    """The value as it is kept; "" for nothing. Raises the fact that is wrong with it."""
    text = text.strip()
    if not text:
        if field.required:
            raise ValueMissing(field)
        return ""
    if field.kind == FieldKind.NUMBER:
        return _number(field, text)
    if field.kind == FieldKind.DATE:
        return _date(field, text)
    if field.kind == FieldKind.FLAG:
        return YES if text in (YES, "on") else NO
    if field.kind == FieldKind.CHOICE:
        if not option_name(field, text):
            raise NotAnOption(field, text)
        return text
    if len(text) > LONGEST:
        raise ValueTooLong(field, text)
    return _link(field, text) if field.kind == FieldKind.LINK else text


def of(session: Session, customer: Customer, *, beside: bool = False) -> list[Held]:
    """The shop's fields with the customer's values, in their order; with `beside` only those of the conversation."""
    rows = session.execute(
        sa.select(Field, FieldValue.value)
        .outerjoin(FieldValue, sa.and_(FieldValue.field_id == Field.id, FieldValue.customer_id == customer.id))
        .where(Field.shop_id == customer.shop_id, Field.archived_at.is_(None), Field.beside if beside else sa.true())
        .order_by(Field.position, Field.id)
    )
    return [Held(field, value or "") for field, value in rows]


def of_many(session: Session, customer_ids: Collection[int]) -> dict[int, dict[int, str]]:
    """Values by customer and field, of fields that are in use."""
    rows = session.execute(
        sa.select(FieldValue.customer_id, FieldValue.field_id, FieldValue.value)
        .join(Field, Field.id == FieldValue.field_id)
        .where(FieldValue.customer_id.in_(customer_ids), Field.archived_at.is_(None))
    )
    found: dict[int, dict[int, str]] = {}
    for customer_id, field_id, value in rows:
        found.setdefault(customer_id, {})[field_id] = value
    return found


def fill(session: Session, customer: Customer, texts: Mapping[int, str], *, actor: str) -> None:
    """Write the customer's values of these fields; what is not named stays. Raises what `normal` does: nothing is
    changed then."""
    held = {one.field.id: one for one in of(session, customer)}
    before, after = {}, {}
    for field_id, text in texts.items():
        if field_id not in held:
            raise NoSuchField(f"field {field_id} of shop {customer.shop_id}")
        value = normal(held[field_id].field, text)
        if value != held[field_id].value:
            before[field_id], after[field_id] = held[field_id].value, value
    for field_id, value in after.items():
        put(session, customer.id, field_id, value)
    if after:
        names = {field_id: held[field_id].field.name for field_id in after}
        told = changed(
            customer,
            "field",
            actor=actor,
            before={names[field_id]: value for field_id, value in before.items()},
            after={names[field_id]: value for field_id, value in after.items()},
        )
        publish(session, told)


def put(session: Session, customer_id: int, field_id: int, value: str) -> None:
    """Have this normal value there; "" leaves none."""
    if not value:
        session.execute(
            sa.delete(FieldValue).where(FieldValue.customer_id == customer_id, FieldValue.field_id == field_id)
        )
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(FieldValue)
        .values(customer_id=customer_id, field_id=field_id, value=value)
        .on_conflict_do_update(index_elements=["customer_id", "field_id"], set_={"value": value})
    )


def holding(field: Field, *, value: str = "", since: str = "", until: str = "") -> sa.Select[int]:
    """Ids of the customers whose value is this one, or lies between these days, both included."""
    query = sa.select(FieldValue.customer_id).where(FieldValue.field_id == field.id)
    if value:
        query = query.where(FieldValue.value == value)
    if since:
        query = query.where(FieldValue.value >= since)
    if until:
        query = query.where(FieldValue.value <= until)
    return query


def _number(field: Field, text: str) -> str:
    try:
        number = Decimal("".join(text.split()).replace(",", ".")) + 0
    except InvalidOperation:
        raise NotANumber(field, text) from None
    if not number.is_finite() or abs(number) >= LARGEST or number.as_tuple().exponent < -6:  # type: ignore[operator]
        raise NotANumber(field, text)
    plain = f"{number:f}"
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"


def _date(field: Field, text: str) -> str:
    """As a browser's field gives it, 2026-11-26, or as people type it, 26.11.2026."""
    parts = text.split(".")
    if len(parts) == 3:
        text = f"{parts[2]:0>4}-{parts[1]:0>2}-{parts[0]:0>2}"
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise NotADate(field, text) from None


def _link(field: Field, text: str) -> str:
    """A web address; without a scheme it is one of https."""
    address = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(address)
    except ValueError:
        raise NotALink(field, text) from None
    if parts.scheme not in ("http", "https") or "." not in parts.netloc or any(c.isspace() for c in address):
        raise NotALink(field, text)
    if len(address) > LONGEST:
        raise ValueTooLong(field, text)
    return address
