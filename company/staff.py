"""People of the shop: who they are, their roles, their passwords, and the codes that join a messenger chat to them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from functools import cache

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from company import signin
from company.events import RoleGiven
from company.rights import Powers, powers
from company.tables import Membership, RightsSet, Role, Shop, Staff
from kit.clock import utc_now
from kit.errors import Missing, Refused
from storage.events import publish

PASSWORD_LENGTH = (8, 256)

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+|[^@\s]+@localhost")
_hasher = PasswordHasher()


class NoSuchStaff(Missing):
    code = "no_such_staff"


class LastOwner(Refused):
    """Somebody must be left who may change the settings."""

    code = "last_owner"


class EmailTaken(Refused):
    """Somebody has signed up with this address already."""

    code = "email_taken"

    def __init__(self, email: str) -> None:
        super().__init__(f"{email} is taken", email=email)


class BadEmail(Refused):
    code = "bad_email"

    def __init__(self, email: str) -> None:
        super().__init__("not an e-mail address", email=email[:60])


class BadPassword(Refused):
    """Too short to be safe, or absurdly long."""

    code = "bad_password"

    def __init__(self) -> None:
        least, most = PASSWORD_LENGTH
        super().__init__(f"a password has {least} to {most} characters", least=least, most=most)


def hash_password(password: str) -> str:
    """argon2id; takes tens of milliseconds and 64 MB, so an asynchronous caller uses a thread. Raises BadPassword."""
    if not PASSWORD_LENGTH[0] <= len(password) <= PASSWORD_LENGTH[1]:
        raise BadPassword()
    return _hasher.hash(password)


def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password fits; as slow as `hash_password`, and just as slow for None, which nobody's fits."""
    try:
        return _hasher.verify(password_hash or _nobodys_hash(), password[: PASSWORD_LENGTH[1]])
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    """Checked when there is no such person, so that the answer takes as long as for one who exists."""
    return _hasher.hash(secrets.token_urlsafe(16))


def add(
    session: Session, shop: Shop, *, email: str, name: str, password: str | None, role: Role, locale: str = "ru"
) -> Staff:
    """A new person with a role in the shop; one without a password cannot sign in until it is set.

    Hashes the password in the transaction. Raises EmailTaken, BadEmail, BadPassword.
    """
    staff = Staff(
        email=address(email),
        name=name.strip()[:120],
        password_hash=hash_password(password) if password is not None else "",
        locale=locale,
        created_at=utc_now(),
    )
    try:
        with session.begin_nested():
            session.add(staff)
    except IntegrityError:
        raise EmailTaken(staff.email) from None
    join(session, staff, shop, role)
    return staff


def address(email: str) -> str:
    """The e-mail address as it is kept and looked up. Raises BadEmail."""
    email = email.strip().lower()
    if len(email) > 254 or not _ADDRESS.fullmatch(email):
        raise BadEmail(email)
    return email


def join(session: Session, staff: Staff, shop: Shop, role: Role) -> None:
    """Give the person this role in the shop, in place of the one he has."""
    membership = session.get(Membership, (staff.id, shop.id))
    if membership is None:
        session.add(Membership(staff_id=staff.id, shop_id=shop.id, role=role))
    else:
        membership.role, membership.rights_set_id = role, None
    session.flush()


def leave(session: Session, staff_id: int, shop_id: int) -> None:
    """He works in this shop no more, and goes on in his others. Raises LastOwner."""
    keep_an_owner(session, shop_id, without=staff_id)
    session.execute(sa.delete(Membership).where(Membership.staff_id == staff_id, Membership.shop_id == shop_id))


def is_employed_by(session: Session, staff_id: int, owner_id: int) -> bool:
    """Whether he works in any shop of this owner."""
    owned = sa.select(Membership.shop_id).where(Membership.staff_id == owner_id, Membership.role == Role.OWNER)
    theirs = sa.select(Membership.shop_id).join(Staff, Staff.id == Membership.staff_id)
    theirs = theirs.where(Membership.staff_id == staff_id, Staff.active, Membership.shop_id.in_(owned))
    return session.scalar(theirs.limit(1)) is not None


def give_role(
    session: Session, staff_id: int, shop: Shop, role: Role, *, own: RightsSet | None = None, actor: str
) -> None:
    """Let one of the shop's people be this from now on; what he has open is judged anew at the next request.

    With an `own` set of rights the role is the one that the set begins with, whatever `role` is.
    Raises NoSuchStaff for a stranger, LastOwner where nobody would be left who may change the settings.
    """
    role = Role(own.role) if own is not None else role
    if role != Role.OWNER:
        keep_an_owner(session, shop.id, without=staff_id)
    membership = session.get(Membership, (staff_id, shop.id), populate_existing=True)
    if membership is None:
        raise NoSuchStaff(f"staff {staff_id} of shop {shop.id}")
    set_id = own.id if own is not None else None
    if (membership.role, membership.rights_set_id) == (role, set_id):
        return
    before, membership.role, membership.rights_set_id = str(membership.role), role, set_id
    session.flush()
    publish(
        session,
        RoleGiven(
            shop_id=shop.id,
            subject=f"staff:{staff_id}",
            actor=actor,
            staff_id=staff_id,
            role=str(role),
            before=before,
            rights_set=own.name if own is not None else "",
        ),
    )


def keep_an_owner(session: Session, shop_id: int, *, without: int) -> None:
    """Raises LastOwner where nobody would be left, but for this person, who may change the settings.

    The shop's row is held until the transaction ends: of two owners who part with one another at once, one stays.
    """
    session.execute(sa.select(Shop.id).where(Shop.id == shop_id).with_for_update())
    owners = sa.select(Membership.staff_id).join(Staff, Staff.id == Membership.staff_id)
    others = owners.where(Membership.shop_id == shop_id, Membership.role == Role.OWNER, Staff.active)
    if session.scalar(others.where(Membership.staff_id != without).limit(1)) is None:
        raise LastOwner(f"shop {shop_id} has no owner but staff {without}")


def get(session: Session, staff_id: int) -> Staff:
    staff = session.get(Staff, staff_id)
    if staff is None:
        raise NoSuchStaff(f"staff {staff_id}")
    return staff


def held(session: Session, staff_id: int) -> Staff:
    """The person, whom nobody else changes before the transaction ends."""
    person = get(session, staff_id)
    session.refresh(person, with_for_update={"key_share": True})
    return person


def by_email(session: Session, email: str) -> Staff | None:
    return session.scalar(sa.select(Staff).where(Staff.email == email.strip().lower()))


def of_shop(session: Session, shop_id: int) -> list[tuple[Staff, Role]]:
    """The active staff of the shop by name."""
    rows = session.execute(
        sa.select(Staff, Membership.role)
        .join(Membership, Membership.staff_id == Staff.id)
        .where(Membership.shop_id == shop_id, Staff.active)
        .order_by(Staff.name, Staff.id)
    )
    return [(staff, Role(role)) for staff, role in rows]


def at_the_counter(session: Session, shop_id: int) -> list[Staff]:
    """Those whom conversations, orders and tasks are given to: all but couriers, who open none of these."""
    return [person for person, role in of_shop(session, shop_id) if role is not Role.COURIER]


def is_at_the_counter(session: Session, staff_id: int, shop_id: int) -> bool:
    """False also for a stranger to the shop and for one who works here no more."""
    return role_in(session, staff_id, shop_id) not in (None, Role.COURIER)


def with_rights(session: Session, shop_id: int) -> list[tuple[Staff, Role, int | None]]:
    """The active staff by name, each with his role and the number of his own set of rights."""
    rows = session.execute(
        sa.select(Staff, Membership.role, Membership.rights_set_id)
        .join(Membership, Membership.staff_id == Staff.id)
        .where(Membership.shop_id == shop_id, Staff.active)
        .order_by(Staff.name, Staff.id)
    )
    return [(person, Role(role), own) for person, role, own in rows]


def role_in(session: Session, staff_id: int, shop_id: int) -> Role | None:
    """None for a stranger to the shop and for one who works here no more."""
    role = session.scalar(
        sa.select(Membership.role)
        .join(Staff, Staff.id == Membership.staff_id)
        .where(Membership.staff_id == staff_id, Membership.shop_id == shop_id, Staff.active)
    )
    return None if role is None else Role(role)


def powers_in(session: Session, staff_id: int, shop_id: int) -> Powers | None:
    """All that the person may in the shop; None for a stranger and for one who works here no more."""
    found = session.execute(
        sa.select(Membership.role, RightsSet)
        .join(Staff, Staff.id == Membership.staff_id)
        .outerjoin(RightsSet, RightsSet.id == Membership.rights_set_id)
        .where(Membership.staff_id == staff_id, Membership.shop_id == shop_id, Staff.active)
    ).first()
    return None if found is None else powers(Role(found[0]), found[1])


def powers_of(session: Session, shop_id: int, tokens: Collection[str]) -> dict[str, Powers]:
    """By the tokens of browsers: all that whoever is signed in there may in the shop. Who may nothing is not in it."""
    people = signin.people(session, tokens)
    rows = session.execute(
        sa.select(Membership.staff_id, Membership.role, RightsSet)
        .outerjoin(RightsSet, RightsSet.id == Membership.rights_set_id)
        .where(Membership.shop_id == shop_id, Membership.staff_id.in_(set(people.values())))
    )
    may = {staff_id: powers(Role(role), own) for staff_id, role, own in rows}
    return {token: may[staff_id] for token, staff_id in people.items() if staff_id in may}


def workplaces(session: Session, staff_id: int) -> list[tuple[Shop, Powers]]:
    """The shops that the person works in, oldest first, and what he may in each."""
    rows = session.execute(
        sa.select(Shop, Membership.role, RightsSet)
        .join(Membership, Membership.shop_id == Shop.id)
        .outerjoin(RightsSet, RightsSet.id == Membership.rights_set_id)
        .where(Membership.staff_id == staff_id)
        .order_by(Shop.id)
    )
    return [(shop, powers(Role(role), own)) for shop, role, own in rows]


def shops_of(session: Session, staff_id: int) -> list[tuple[Shop, Role]]:
    """The shops that the person works in, oldest first."""
    rows = session.execute(
        sa.select(Shop, Membership.role)
        .join(Membership, Membership.shop_id == Shop.id)
        .where(Membership.staff_id == staff_id)
        .order_by(Shop.id)
    )
    return [(shop, Role(role)) for shop, role in rows]


def new_link_code(session: Session, staff: Staff) -> str:
    """A code that, said once in a messenger chat, joins that chat to the person; an older code stops working.

    Made of the characters that a Telegram deep link may carry.
    """
    staff.link_code = secrets.token_urlsafe(15)
    session.flush()
    return staff.link_code


def by_link_code(session: Session, code: str) -> Staff | None:
    """Whose code it is; it is used up by this. None for an unknown or used one and for inactive staff."""
    if not code:
        return None
    return session.scalar(
        sa.update(Staff)
        .where(Staff.link_code == code, Staff.active)
        .values(link_code=None)
        .returning(Staff)
        .execution_options(populate_existing=True)
    )
