"""Who is writing in a conversation: told by the composer, asked for by the pages of colleagues."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.orm import Session

from company import staff
from company.rights import Right
from customers.tables import Customer
from inbox import typing
from operator_console import people
from operator_console.inbox_pages import found_in
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import ngettext
from operator_console.visits import Visit


async def shown(visit: Visit) -> web.StreamResponse:
    return visit.page("partials/typing.html", **await visit.read(_shown, visit, visit.number()))


async def began(visit: Visit) -> web.StreamResponse:
    await visit.write(_began, visit, visit.number())
    return visit.done()


ROUTES: tuple[Route, ...] = (
    get(f"/inbox/{ID}/typing", shown),
    post(f"/inbox/{ID}/typing", began, Right.REPLY),
)


def _began(session: Session, visit: Visit, id_: int) -> None:
    typing.began(session, found_in(session, visit, id_), by=visit.staff)


def _shown(session: Session, visit: Visit, id_: int) -> Shape:
    here = found_in(session, visit, id_)
    writing = typing.now(session, here) - {visit.staff.id}
    names = [
        person.name.split(" ")[0] for person, _role in staff.of_shop(session, visit.shop.id) if person.id in writing
    ]
    told = [ngettext("{names} is answering…", "{names} are answering…", len(names), names=", ".join(names))]
    if None in writing:
        buyer = session.get(Customer, here.customer_id) if here.customer_id is not None else None
        name = people.customer(buyer.name, buyer.id)["name"] if buyer is not None else _("Nameless guest")
        told.append(_("{name} is typing…", name=name))
    return {"told": [line for line in told if names or line is not told[0]]}
