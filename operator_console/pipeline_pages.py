"""Pipelines in the settings: which stages the shop's orders go through, and what leads where."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.orm import Session

from catalog.names import named
from company import shops
from company.rights import Right
from company.tables import Shop
from operator_console import shell
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import ngettext, reader
from operator_console.visits import Form, NoSuchPage, Visit
from orders import book, pipeline_editing, pipelines
from orders.pipeline_editing import COLOURS, ENTERED_BY, Rules, Wording
from orders.tables import Group, Pipeline, Stage

PATTERNS = {"goods": pipelines.DEFAULT, "preorder": pipelines.PREORDER}

PAGE = "/settings/pipelines"


async def show(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "settings")
    return visit.page("pages/pipelines.html", **frame, **await visit.read(_all, visit.shop.id))


async def add(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    if form["pattern"] not in PATTERNS:
        raise NoSuchPage("no such pattern")
    made = await visit.write(_add, visit, form)
    return visit.done(go=f"{PAGE}#pipeline-{made}")


async def rename(visit: Visit) -> web.StreamResponse:
    form, id_ = await visit.form(), visit.number()
    await visit.write(
        lambda session: pipeline_editing.rename(
            session, _shop(session, visit), id_, _wording(form), seen=form.number("seen"), actor=visit.actor
        )
    )
    return visit.done(go=f"{PAGE}#pipeline-{id_}")


async def put_first(visit: Visit) -> web.StreamResponse:
    form, id_ = await visit.form(), visit.number()
    await visit.write(
        lambda session: pipeline_editing.put_first(
            session, _shop(session, visit), id_, seen=form.number("seen"), actor=visit.actor
        )
    )
    return visit.done(go=PAGE)


async def add_stage(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    if form["group"] not in set(Group):
        raise NoSuchPage("no such group")
    made = await visit.write(_add_stage, visit, form)
    return visit.done(go=f"{PAGE}#stage-{made}")


async def edit_stage(visit: Visit) -> web.StreamResponse:
    id_ = visit.number()
    form = await visit.form()
    await visit.write(_edit_stage, visit, id_, form, form.all("next"))
    return visit.done(go=f"{PAGE}#stage-{id_}")


async def shift_stage(visit: Visit) -> web.StreamResponse:
    form, id_ = await visit.form(), visit.number()
    await visit.write(
        lambda session: pipeline_editing.shift_stage(
            session,
            _shop(session, visit),
            id_,
            back=form["to"] == "back",
            seen=form.number("seen"),
            actor=visit.actor,
        )
    )
    return visit.done(go=f"{PAGE}#stage-{id_}")


async def archive_stage(visit: Visit) -> web.StreamResponse:
    form, id_ = await visit.form(), visit.number()
    await visit.write(
        lambda session: pipeline_editing.archive_stage(
            session, _shop(session, visit), id_, seen=form.number("seen"), actor=visit.actor
        )
    )
    return visit.done(go=PAGE)


async def use_again(visit: Visit) -> web.StreamResponse:
    form, id_ = await visit.form(), visit.number()
    await visit.write(
        lambda session: pipeline_editing.use_again(
            session, _shop(session, visit), id_, seen=form.number("seen"), actor=visit.actor
        )
    )
    return visit.done(go=f"{PAGE}#stage-{id_}")


ROUTES: tuple[Route, ...] = (
    get(PAGE, show, Right.SETTINGS),
    post("/pipelines", add, Right.SETTINGS),
    post(f"/pipelines/{ID}", rename, Right.SETTINGS),
    post(f"/pipelines/{ID}/first", put_first, Right.SETTINGS),
    post("/stages", add_stage, Right.SETTINGS),
    post(f"/stages/{ID}", edit_stage, Right.SETTINGS),
    post(f"/stages/{ID}/shift", shift_stage, Right.SETTINGS),
    post(f"/stages/{ID}/archive", archive_stage, Right.SETTINGS),
    post(f"/stages/{ID}/use", use_again, Right.SETTINGS),
)


def group_names() -> dict[str, str]:
    """What a stage may mean to the system, in an owner's words."""
    return {
        Group.NEW: _("a new order"),
        Group.APPROVAL: _("being agreed or paid; goods are reserved"),
        Group.ASSEMBLING: _("being assembled or made"),
        Group.DELIVERY: _("on its way; goods have left"),
        Group.COMPLETE: _("done"),
        Group.CANCELLED: _("cancelled; goods are free again"),
    }


def _all(session: Session, shop_id: int) -> Shape:
    shop = shops.get(session, shop_id)
    other = pipeline_editing.other_language(shop)
    rows = pipelines.pipelines(session, shop_id)
    standing = book.standing(session, shop_id)
    return {
        "pipelines": [_pipeline(row, standing, other, first=n == 0) for n, row in enumerate(rows)],
        "other_language": _("In English") if other == "en" else _("In Russian"),
        "groups": [{"value": value, "label": label} for value, label in group_names().items()],
        "patterns": [
            {"value": "goods", "label": _("goods to hand: paid, assembled, sent")},
            {"value": "preorder", "label": _("made to order: agreed, paid, made, sent")},
        ],
        "entered_by": [
            {"value": "all", "label": _("all who lead orders")},
            {"value": "owner", "label": _("the owner alone")},
            {"value": "courier", "label": _("couriers; also the owner and managers")},
            {"value": "system", "label": _("nobody by hand: it comes about by itself")},
        ],
        "colours": [{"value": value, "label": label} for value, label in _colours().items()],
    }


def _colours() -> dict[str, str]:
    names = (
        _("of the new"),
        _("of those who wait"),
        _("of the paid"),
        _("of the assembled"),
        _("of the sent"),
        _("of the done"),
        _("of the cancelled"),
        _("violet"),
        _("orange"),
        _("olive"),
    )
    return dict(zip(COLOURS, names, strict=True))


def _pipeline(row: Pipeline, standing: dict[int, int], other: str, *, first: bool) -> Shape:
    live = [stage for stage in row.stages if not stage.archived]
    return {
        "id": row.id,
        "name": row.name,
        "translated": _translated(row, other),
        "seen": row.version,
        "first": first,
        "stages": [_stage(stage, live, standing, other) for stage in live],
        "archived": [_stage(stage, live, standing, other) for stage in row.stages if stage.archived],
    }


def _stage(row: Stage, live: list[Stage], standing: dict[int, int], other: str) -> Shape:
    n = standing.get(row.id, 0)
    return {
        "id": row.id,
        "code": row.code,
        "name": row.name,
        "shown": named(row, reader().language),
        "translated": _translated(row, other),
        "colour": row.colour,
        "means": group_names()[row.group],
        "begins": bool(live) and live[0] is row,
        "last": bool(live) and live[-1] is row,
        "needs_payment": row.needs_payment,
        "entered_by": next((name for name, roles in ENTERED_BY.items() if list(roles) == row.roles), "all"),
        "orders": ngettext("{n} order stands here", "{n} orders stand here", n) if n else "",
        "ahead": ", ".join(named(each, reader().language) for each in live if each.code in row.next_codes),
        "next": [
            {"code": each.code, "name": named(each, reader().language), "on": each.code in row.next_codes}
            for each in live
            if each is not row
        ],
    }


def _translated(row: Pipeline | Stage, other: str) -> str:
    name: str = row.translations.get(other, {}).get("name", "")
    return name


def _shop(session: Session, visit: Visit) -> Shop:
    return shops.get(session, visit.shop.id)


def _wording(form: Form) -> Wording:
    return Wording(name=form["name"], translated=form["translated"])


def _add(session: Session, visit: Visit, form: Form) -> int:
    pattern = PATTERNS[form["pattern"]]
    shop = _shop(session, visit)
    return pipeline_editing.add_pipeline(session, shop, _wording(form), pattern, actor=visit.actor).id


def _add_stage(session: Session, visit: Visit, form: Form) -> int:
    made = pipeline_editing.add_stage(
        session,
        _shop(session, visit),
        form.number("after"),
        _wording(form),
        Group(form["group"]),
        seen=form.number("seen"),
        actor=visit.actor,
    )
    return made.id


def _edit_stage(session: Session, visit: Visit, id_: int, form: Form, leads_to: list[str]) -> None:
    rules = Rules(
        colour=form["colour"],
        leads_to=leads_to,
        entered_by=form["entered_by"],
        needs_payment=form["needs_payment"] == "on",
    )
    pipeline_editing.edit_stage(
        session, _shop(session, visit), id_, _wording(form), rules, seen=form.number("seen"), actor=visit.actor
    )
