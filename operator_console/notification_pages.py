"""The notification centre: what the person was told of, the way to the very thing, and how he wants to be told."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.orm import Session

from automation import notifications
from automation.notifications import Thing
from automation.tables import Told
from company.rights import Right
from company.tables import Role
from operator_console import notification_shapes, shell
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.visits import Form, Visit

PER_PAGE = 30


async def list_(visit: Visit) -> web.StreamResponse:
    """The page; a script gets the list alone, for the panel."""
    if visit.by_script:
        return visit.page("partials/notifications.html", **await visit.read(_list, visit))
    frame = await shell.frame(visit, "notifications")
    return visit.page("pages/notifications.html", **frame, **await visit.read(_list, visit))


async def one(visit: Visit) -> web.StreamResponse:
    """One alone, to be told aloud."""
    return visit.page("partials/notification.html", **await visit.read(_one, visit, visit.number()))


async def read(visit: Visit) -> web.StreamResponse:
    await visit.write(notifications.read, visit.shop.id, visit.staff.id, visit.number())
    return visit.done()


async def read_all(visit: Visit) -> web.StreamResponse:
    up_to = (await visit.form()).number("up_to")
    await visit.write(notifications.read_all, visit.shop.id, visit.staff.id, up_to=up_to)
    return visit.done(go="" if visit.by_script else "/notifications")


async def choose(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    await visit.write(_choose, visit, set(form.all("kind")), form)
    return visit.done(await visit.read(lambda _session: _("Kept")))


ROUTES: tuple[Route, ...] = (
    get("/notifications", list_, Right.OWN),
    get(f"/notifications/{ID}", one, Right.OWN),
    post(f"/notifications/{ID}/read", read, Right.OWN),
    post("/notifications/read", read_all, Right.OWN),
    post("/me/notifications", choose, Right.OWN),
)


async def seen(visit: Visit, thing: Thing, id_: int) -> None:
    """The person has opened the very thing: what told him of it is read. Nothing is written where nothing told him."""
    me = visit.shop.id, visit.staff.id
    newest = await visit.read(notifications.unread_about, *me, thing, id_)
    if newest:
        await visit.write(notifications.read_about, *me, thing, id_, up_to=newest)


def choices(session: Session, visit: Visit) -> Shape:
    """What the person's own page shows of them."""
    chosen, offered = notifications.choices(session, visit.staff.id), _offered(visit)
    return {
        "kinds": [
            {**kind, "on": kind["value"] not in chosen.muted}
            for kind in notification_shapes.kinds()
            if kind["value"] in offered
        ],
        "sound": chosen.sound,
        "browser": chosen.browser,
    }


def _offered(visit: Visit) -> set[str]:
    """What can happen to this person: a courier is told of deliveries, and of nothing else."""
    deliveries = {str(Told.DELIVERY_GIVEN)}
    return deliveries if visit.role is Role.COURIER else {str(kind) for kind in Told} - deliveries


def _list(session: Session, visit: Visit) -> Shape:
    before = visit.query_number("before")
    found = notifications.page(session, visit.shop.id, visit.staff.id, limit=PER_PAGE + 1, before=before)
    shown = found[:PER_PAGE]
    newest = notifications.page(session, visit.shop.id, visit.staff.id, limit=1)
    return {
        "notifications": [notification_shapes.shape(told, visit.console.texts) for told in shown],
        "earlier_url": f"/notifications?before={shown[-1].id}" if len(found) > PER_PAGE else None,
        "first_page": before is None,
        "list_url": f"/notifications?before={before}" if before else "/notifications",
        "unread": notifications.unread(session, visit.shop.id, visit.staff.id),
        "up_to": newest[0].id if newest else 0,
    }


def _one(session: Session, visit: Visit, notification_id: int) -> Shape:
    told = notifications.get(session, visit.shop.id, visit.staff.id, notification_id)
    chosen = notifications.choices(session, visit.staff.id)
    shape = notification_shapes.shape(told, visit.console.texts)
    return {"one": shape, "sound": chosen.sound, "browser": chosen.browser}


def _choose(session: Session, visit: Visit, wanted: set[str], form: Form) -> None:
    offered = _offered(visit)
    # What he was not asked of he is told of, if he ever becomes somebody who is.
    known = (wanted & offered) | ({str(kind) for kind in Told} - offered)
    sound, browser = form["sound"] == "on", form["browser"] == "on"
    notifications.choose(session, visit.staff.id, wanted=known, sound=sound, browser=browser)
