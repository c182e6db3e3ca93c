"""People of the shop, and the messenger in which a person is told of orders."""

from __future__ import annotations

import asyncio

from aiohttp import web
from sqlalchemy.orm import Session

from bot.flows.dialog import STAFF_LINK
from company import signin, staff
from company.events import StaffChanged
from company.rights import NotAllowed, Right
from company.tables import Role, Shop, Staff
from operator_console import rights_pages, shell
from operator_console.doors import doors
from operator_console.routing import ID, Route, post
from operator_console.visits import Form, Visit
from storage.events import publish


async def add(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    # Hashing takes its time, so it is done before the transaction.
    hashed = await asyncio.to_thread(staff.hash_password, form["password"])
    await visit.write(_add, visit, form, hashed)
    return visit.done(go="/settings#staff")


async def dismiss(visit: Visit) -> web.StreamResponse:
    if visit.number() == visit.staff.id:
        raise NotAllowed(Right.SETTINGS)
    await visit.write(_dismiss, visit, visit.number())
    return visit.done(go="/settings#staff")


async def give_role(visit: Visit) -> web.StreamResponse:
    await visit.write(_give_role, visit, visit.number(), (await visit.form())["role"])
    return visit.done(go="/settings#staff")


async def link(visit: Visit) -> web.StreamResponse:
    """A new code with which the person's own chat with the shop's bot becomes the one for notices."""
    frame = await shell.frame(visit, "settings")
    code = await visit.write(_new_code, visit.staff.id)
    bots = await visit.read(doors, visit.shop.id, f"{STAFF_LINK}{code}")
    return visit.page("pages/messenger_link.html", **frame, bots=bots, command=f"/start {STAFF_LINK}{code}")


ROUTES: tuple[Route, ...] = (
    post("/settings/staff", add, Right.SETTINGS),
    post(f"/staff/{ID}/dismiss", dismiss, Right.SETTINGS),
    post(f"/staff/{ID}/role", give_role, Right.SETTINGS),
    post("/settings/messenger", link, Right.SETTINGS),
)


def _give_role(session: Session, visit: Visit, staff_id: int, wanted: str) -> None:
    role, own = rights_pages.chosen(session, visit.shop.id, wanted)
    staff.give_role(session, staff_id, session.get_one(Shop, visit.shop.id), role, own=own, actor=visit.actor)


def _add(session: Session, visit: Visit, form: Form, hashed: str) -> None:
    shop = session.get_one(Shop, visit.shop.id)
    role, own = rights_pages.chosen(session, shop.id, form["role"])
    person = _colleague(session, visit, form["email"])
    if person is None:
        name = " ".join(form["name"].split()) or form["email"]
        person = staff.add(session, shop, email=form["email"], name=name, password=None, role=role, locale=shop.locale)
        person.password_hash = hashed
    else:
        staff.join(session, person, shop, role)
    _tell(session, visit, person.id, "added", role)
    if own is not None:
        staff.give_role(session, person.id, shop, role, own=own, actor=visit.actor)


def _colleague(session: Session, visit: Visit, email: str) -> Staff | None:
    """Who works for the same owner in another shop: he comes with his own name and password."""
    known = staff.by_email(session, email)
    if known is None or staff.role_in(session, known.id, visit.shop.id) is not None:
        return None
    return known if staff.is_employed_by(session, known.id, visit.staff.id) else None


def _dismiss(session: Session, visit: Visit, staff_id: int) -> None:
    role = staff.role_in(session, staff_id, visit.shop.id)
    if role is None:
        raise staff.NoSuchStaff(f"staff {staff_id} of shop {visit.shop.id}")
    if len(staff.shops_of(session, staff_id)) > 1:
        staff.leave(session, staff_id, visit.shop.id)
    else:
        staff.keep_an_owner(session, visit.shop.id, without=staff_id)
        signin.dismiss(session, staff.get(session, staff_id))
    _tell(session, visit, staff_id, "dismissed", role)


def _tell(session: Session, visit: Visit, staff_id: int, what: str, role: Role) -> None:
    publish(
        session,
        StaffChanged(
            shop_id=visit.shop.id,
            subject=f"staff:{staff_id}",
            actor=visit.actor,
            staff_id=staff_id,
            what=what,
            role=str(role),
        ),
    )


def _new_code(session: Session, staff_id: int) -> str:
    return staff.new_link_code(session, staff.get(session, staff_id))
