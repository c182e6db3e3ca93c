"""Own sets of rights: what the shop's owner makes of the ready roles, and who has which."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.orm import Session

from company import rights_sets
from company.rights import OF_SETS, Right
from company.rights_sets import Answers, RightsSetUnfit
from company.tables import RightsSet, Role, Sees, Shop
from kit.errors import Refused
from kit.money import Money
from operator_console import people, shell
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.visits import Form, NoSuchPage, Visit

HERE = "/settings/rights"

SET = "set-"
"""How a set is called where a role is chosen: set-<number>."""


async def show(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "settings")
    return visit.page("pages/rights.html", **frame, **await visit.read(_all, visit.shop))


async def add(visit: Visit) -> web.StreamResponse:
    await visit.write(_add, visit, await visit.form())
    return visit.done(go=HERE)


async def change(visit: Visit) -> web.StreamResponse:
    await visit.write(_change, visit, visit.number(), await visit.form())
    return visit.done(go=HERE)


async def remove(visit: Visit) -> web.StreamResponse:
    version = (await visit.form()).number("version")
    await visit.write(rights_sets.remove, visit.shop.id, visit.number(), version=version, actor=visit.actor)
    return visit.done(go=HERE)


ROUTES: tuple[Route, ...] = (
    get(HERE, show, Right.SETTINGS),
    post(HERE, add, Right.SETTINGS),
    post(f"/rights/{ID}", change, Right.SETTINGS),
    post(f"/rights/{ID}/remove", remove, Right.SETTINGS),
)


def offered(session: Session, shop_id: int) -> list[Shape]:
    """What a person of the shop can be: the ready roles, then the shop's own sets."""
    ready = [{"value": str(role), "label": label} for role, label in people.role_names().items()]
    own = [{"value": f"{SET}{row.id}", "label": row.name} for row in rights_sets.of_shop(session, shop_id)]
    return ready + own


def chosen(session: Session, shop_id: int, text: str) -> tuple[Role, RightsSet | None]:
    """The role and the set that a form says. Raises NoSuchPage, NoSuchRightsSet."""
    if text.startswith(SET) and text.removeprefix(SET).isdecimal() and len(text) < 22:
        own = rights_sets.get(session, shop_id, int(text.removeprefix(SET)), lock=True)
        return Role(own.role), own
    if text not in set(Role):
        raise NoSuchPage("no such role")
    return Role(text), None


def _all(session: Session, shop: Shop) -> Shape:
    held, names = rights_sets.holders(session, shop.id), people.role_names()
    return {
        "bases": [{"value": str(role), "label": names[role]} for role in OF_SETS],
        "ways": [{"value": str(sees), "label": label} for sees, label in _ways().items()],
        "currency": shop.currency,
        "sets": [
            {
                "id": row.id,
                "name": row.name,
                "version": row.version,
                "role": str(row.role),
                "sees": str(row.sees),
                "purchase_prices": row.purchase_prices,
                "totals": row.totals,
                "export": row.export,
                "refund_most": None if row.refund_most is None else Money(row.refund_most, shop.currency),
                "discount_most": row.discount_most,
                "people": held.get(row.id, []),
            }
            for row in rights_sets.of_shop(session, shop.id)
        ],
    }


def _ways() -> dict[Sees, str]:
    return {
        Sees.ALL: _("all conversations"),
        Sees.OWN_AND_FREE: _("own ones, and those that nobody leads"),
        Sees.OWN: _("only own ones"),
    }


def _add(session: Session, visit: Visit, form: Form) -> None:
    shop = session.get_one(Shop, visit.shop.id)
    rights_sets.add(session, shop, _answers(visit, form), actor=visit.actor)


def _change(session: Session, visit: Visit, set_id: int, form: Form) -> None:
    # Whether there is such a set is said before what is wrong with the form.
    rights_sets.get(session, visit.shop.id, set_id)
    answers, version = _answers(visit, form), form.number("version")
    rights_sets.change(session, visit.shop.id, set_id, answers, version=version, actor=visit.actor)


def _answers(visit: Visit, form: Form) -> Answers:
    """Raises RightsSetUnfit for what is no answer."""
    try:
        return Answers(
            name=form["name"],
            role=Role(form["role"]),
            sees=Sees(form["sees"]),
            purchase_prices=form["purchase_prices"] == "on",
            totals=form["totals"] == "on",
            export=form["export"] == "on",
            refund_most=_sum(visit, form["refund_most"]),
            discount_most=_percent(form["discount_most"]),
        )
    except (ValueError, Refused):
        raise RightsSetUnfit() from None


def _sum(visit: Visit, text: str) -> int | None:
    return Money.parse(text, visit.shop.currency).amount if text.strip() else None


def _percent(text: str) -> int | None:
    text = text.strip().removesuffix("%").strip()
    if len(text) > 3:
        raise RightsSetUnfit()
    return int(text) if text else None
