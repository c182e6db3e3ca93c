"""Passwords: a person changes his own; an owner gives a new one to who has forgotten his."""

from __future__ import annotations

import asyncio

from aiohttp import web
from sqlalchemy.orm import Session

from company import signin, staff
from company.rights import NotAllowed, Right
from company.tables import Role
from kit import http
from kit.errors import Refused
from operator_console.routing import ID, Route, post
from operator_console.texts import gettext as _
from operator_console.visits import Visit


class NotYourPassword(Refused):
    """What was given as the present password is not it."""

    code = "not_your_password"


async def change(visit: Visit) -> web.StreamResponse:
    """Guesses at the present one are slowed down like those at the door. All other browsers are signed out."""
    form, email = await visit.form(), visit.staff.email
    address = http.client_address(visit.request, visit.request.app.get(http.TRUSTED, ()))
    await visit.read(signin.check, email, address)
    known = await visit.read(_hash_of, visit.staff.id)
    if not await asyncio.to_thread(staff.verify, known, form["present"]):
        await visit.write(signin.sign_in, email, verified=False, address=address)
        raise NotYourPassword()
    hashed = await asyncio.to_thread(staff.hash_password, form["password"])
    await visit.write(_keep, visit.staff.id, hashed, visit.token)
    return visit.done(await visit.read(lambda _session: _("The password is changed")))


async def give(visit: Visit) -> web.StreamResponse:
    """A new password for a colleague, who is signed out everywhere."""
    await visit.read(_demand_mine, visit, visit.number())
    hashed = await asyncio.to_thread(staff.hash_password, (await visit.form())["password"])
    await visit.write(_give, visit, visit.number(), hashed)
    return visit.done(await visit.read(lambda _session: _("The password is changed")))


ROUTES: tuple[Route, ...] = (
    post("/me/password", change, Right.READ),
    post(f"/staff/{ID}/password", give, Right.SETTINGS),
)


def _hash_of(session: Session, staff_id: int) -> str | None:
    return staff.get(session, staff_id).password_hash or None


def _keep(session: Session, staff_id: int, hashed: str, token: str) -> None:
    signin.change_password(session, staff.get(session, staff_id), hashed, but=token)


def _give(session: Session, visit: Visit, staff_id: int, hashed: str) -> None:
    _demand_mine(session, visit, staff_id)
    signin.change_password(session, staff.get(session, staff_id), hashed)


def _demand_mine(session: Session, visit: Visit, staff_id: int) -> None:
    """Whoever gives a password could come in with it: so only an owner may, never for himself or another owner, and
    only where the person works in no shop that is somebody else's. Raises NotAllowed, NoSuchStaff."""
    role = staff.role_in(session, staff_id, visit.shop.id)
    if role is None:
        raise staff.NoSuchStaff(f"staff {staff_id} of shop {visit.shop.id}")
    mine = {shop.id for shop, own in staff.shops_of(session, visit.staff.id) if own == Role.OWNER}
    theirs = {shop.id for shop, _role in staff.shops_of(session, staff_id)}
    if role == Role.OWNER or not theirs <= mine:
        raise NotAllowed(Right.SETTINGS)
