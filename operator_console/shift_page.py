"""When a person works: outside his shift no buyer is given to him."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.orm import Session

from company import presence, staff
from company.rights import Right
from company.tables import Shop
from operator_console import hours_page, shell
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.visits import Form, Visit


async def shift(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "settings")
    return visit.page("pages/shift.html", **frame, **await visit.read(_shift, visit.shop.id, visit.number()))


async def change(visit: Visit) -> web.StreamResponse:
    await visit.write(_change, visit.shop.id, visit.number(), await visit.form())
    return visit.done(go="/settings#staff")


ROUTES: tuple[Route, ...] = (
    get(f"/staff/{ID}/shift", shift, Right.SETTINGS),
    post(f"/staff/{ID}/shift", change, Right.SETTINGS),
)


def _shift(session: Session, shop_id: int, staff_id: int) -> Shape:
    _demand_ours(session, shop_id, staff_id)
    shop = session.get_one(Shop, shop_id)
    shift = presence.shift_of(shop, staff_id)
    return {"person": staff.get(session, staff_id), "hours": hours_page.shape(shift)}


def _change(session: Session, shop_id: int, staff_id: int, form: Form) -> None:
    _demand_ours(session, shop_id, staff_id)
    shop = session.get_one(Shop, shop_id, with_for_update=True, populate_existing=True)
    presence.set_shift(session, shop, staff_id, hours_page.hours_in(form))


def _demand_ours(session: Session, shop_id: int, staff_id: int) -> None:
    if staff.role_in(session, staff_id, shop_id) is None:
        raise staff.NoSuchStaff(f"staff {staff_id} of shop {shop_id}")
