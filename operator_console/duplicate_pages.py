"""Cards of one person: what may be duplicates and why, two cards side by side, their merge and its undoing."""

from __future__ import annotations

import asyncio

from aiohttp import web
from sqlalchemy.orm import Session

from automation.holders import HOLDERS
from company.rights import Right
from customers import cards, duplicates, joining, merging
from customers.joining import Side
from customers.tables import Customer
from kit.money import Money
from operator_console import customer_shapes, formats, people, shell
from operator_console.customer_shapes import reason_words
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.visits import Visit, local_path
from orders import buyers
from orders.buyers import Bought

Found = dict[tuple[int, int], list[duplicates.Reason]]


async def listed(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "customers")
    exact = await visit.read(duplicates.exact, visit.shop.id)
    names = await visit.read(duplicates.names, visit.shop.id)
    # Comparing the names of a large shop takes a while, and everybody else would wait for it.
    alike = await asyncio.to_thread(duplicates.alike, names)
    filled = await visit.read(_pairs, visit, exact, alike)
    return visit.page("pages/duplicates.html", **frame, **filled, may_merge=visit.may(Right.REPLY))


async def preview(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "customers")
    filled = await visit.read(_preview, visit, visit.number(), visit.query_number("with") or 0)
    return visit.page("pages/merge.html", **frame, **filled)


async def merge(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    taken = [name.removeprefix("take-") for name in form if name.startswith("take-") and form[name] == "gone"]
    kept_id = visit.number()
    await visit.demand_sight(Customer, form.number("with"))
    await visit.write(_merge, visit.shop.id, kept_id, form.number("with"), taken, visit.actor)
    return visit.done(go=f"/customers/{kept_id}")


async def undo(visit: Visit) -> web.StreamResponse:
    kept_id = await visit.write(_undo, visit.shop.id, visit.number(), visit.actor)
    return visit.done(go=f"/customers/{kept_id}")


async def apart(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    await visit.demand_sight(Customer, form.number("other"))
    await visit.write(_apart, visit.shop.id, visit.number(), form.number("other"), visit.actor)
    return visit.done(go=local_path(form["back"], "/customers/duplicates"))


ROUTES: tuple[Route, ...] = (
    get("/customers/duplicates", listed),
    get(f"/customers/{ID}/merge", preview, Right.REPLY),
    post(f"/customers/{ID}/merge", merge, Right.REPLY),
    post(f"/customers/{ID}/apart", apart, Right.REPLY),
    post(f"/merges/{ID}/undo", undo, Right.REPLY),
)


def _pairs(session: Session, visit: Visit, exact: Found, alike: Found) -> Shape:
    pairs = duplicates.listed(session, exact, alike)
    rows = cards.many(session, visit.shop.id, [id_ for pair in pairs for id_ in (pair.one_id, pair.other_id)])
    bought = buyers.bought(session, list(rows))
    return {
        "pairs": [
            {
                "sides": [_face(visit, rows[id_], bought.get(id_, Bought())) for id_ in (pair.one_id, pair.other_id)],
                "reasons": [reason_words(reason) for reason in pair.reasons],
                "merge_url": f"/customers/{pair.one_id}/merge?with={pair.other_id}",
                "apart_url": f"/customers/{pair.one_id}/apart",
                "other": pair.other_id,
            }
            for pair in pairs
            if pair.one_id in rows and pair.other_id in rows
        ],
        "many": len(pairs) >= duplicates.MOST_PAIRS,
    }


def _face(visit: Visit, row: Customer, bought: Bought) -> Shape:
    return {
        **people.customer(row.name, row.id),
        "id": row.id,
        "url": f"/customers/{row.id}",
        "phone": row.phone or "",
        "email": row.email or "",
        "city": row.city,
        "orders": bought.orders,
        "spent": Money(bought.paid, visit.shop.currency) if visit.may(Right.TOTALS) else None,
        "last": bought.last,
        "since": row.created_at,
    }


def _preview(session: Session, visit: Visit, kept_id: int, gone_id: int) -> Shape:
    kept, gone = (cards.exactly(session, id_, visit.shop.id) for id_ in (kept_id, gone_id))
    if kept_id == gone_id:
        raise merging.SameCard()
    for row in (gone, kept):
        if cards.is_merged(row):
            raise merging.AlreadyMerged(row)
    bought = buyers.bought(session, [kept_id, gone_id])
    labels = _labels()
    return {
        "kept": _face(visit, kept, bought.get(kept_id, Bought())),
        "gone": _face(visit, gone, bought.get(gone_id, Bought())),
        "swap_url": f"/customers/{gone_id}/merge?with={kept_id}",
        "merge_url": f"/customers/{kept_id}/merge",
        "lines": [_line(side, labels) for side in joining.sides(session, kept, gone) if side.kept or side.gone],
        "tags": {"kept": kept.tags, "gone": gone.tags, "both": sorted({*kept.tags, *gone.tags})},
        "notes": [note for note in dict.fromkeys((kept.note, gone.note)) if note],
        "days": merging.UNDO_WITHIN.days,
    }


def _line(side: Side, labels: dict[str, str]) -> Shape:
    return {
        "name": side.name,
        "label": side.field.name if side.field else labels[side.name],
        "kept": _said(side, side.kept),
        "gone": _said(side, side.gone),
        "choose": side.choose,
    }


def _said(side: Side, value: str) -> str:
    if side.field is not None:
        return customer_shapes.said(side.field, value)
    return formats.phone(value) if side.name == "phone" else value


def _labels() -> dict[str, str]:
    return {
        "name": _("Full name"),
        "phone": _("Main phone"),
        "email": _("Main email"),
        "city": _("City"),
        "address": _("Address"),
    }


def _merge(session: Session, shop_id: int, kept_id: int, gone_id: int, taken: list[str], actor: str) -> None:
    merging.merge(session, shop_id, kept_id, gone_id, taken=taken, actor=actor, holders=HOLDERS)


def _undo(session: Session, shop_id: int, merge_id: int, actor: str) -> int:
    return merging.undo(session, shop_id, merge_id, actor=actor, holders=HOLDERS).kept_id


def _apart(session: Session, shop_id: int, one_id: int, other_id: int, actor: str) -> None:
    one, other = (cards.exactly(session, id_, shop_id) for id_ in (one_id, other_id))
    duplicates.keep_apart(session, one, other, actor=actor)
