"""Tasks: the list with its views, one task opened, the short lists beside other pages, and what is done with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy.orm import Session

from automation import due, task_lists, tasks
from automation.tables import Repeat, Task
from automation.task_lists import View
from automation.tasks import About, Wanted
from company import moments
from company.rights import Right
from company.tables import Shop
from customers import cards
from customers.tables import Customer
from inbox import conversations
from inbox.tables import Conversation
from operator_console import notification_pages, shell, task_shapes
from operator_console.formats import deadline
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Form, NoSuchPage, Visit, whole
from orders import book
from orders.tables import Order

PER_PAGE = 50
MOST_PAGES = 10_000

LATER = timedelta(hours=1)


async def list_(visit: Visit) -> web.StreamResponse:
    """The page, or only its list when a script asks."""
    if visit.by_script:
        return visit.page("partials/tasks.html", **await visit.read(_list, visit))
    frame = await shell.frame(visit, "tasks")
    return visit.page("pages/tasks.html", **frame, **await visit.read(_list, visit), **await visit.read(_empty, visit))


async def one(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "tasks")
    await notification_pages.seen(visit, "task", visit.number())
    return visit.page("pages/task.html", **frame, **await visit.read(_opened, visit, visit.number()))


async def row(visit: Visit) -> web.StreamResponse:
    return visit.page("partials/task_row.html", **await visit.read(_row, visit, visit.number()))


async def form(visit: Visit) -> web.StreamResponse:
    return visit.page("partials/task_form.html", **await visit.read(_opened, visit, visit.number()))


async def new(visit: Visit) -> web.StreamResponse:
    """The inside of the dialog that adds a task about what the address names."""
    filled = await visit.read(_empty, visit)
    return visit.page("partials/task_new.html", **filled, about=_asked(visit.request.query))


async def box(visit: Visit) -> web.StreamResponse:
    return visit.page("partials/tasks_box.html", tasks=await visit.read(_beside, visit))


async def add(visit: Visit) -> web.StreamResponse:
    form, about = await visit.form(), _asked(await visit.form())
    for thing, id_ in ((Conversation, about.conversation_id), (Order, about.order_id), (Customer, about.customer_id)):
        if id_ is not None:
            await visit.demand_sight(thing, id_)
    await visit.write(_add, visit, form)
    return visit.done(await visit.read(lambda _session: _("The task is added")))


async def edit(visit: Visit) -> web.StreamResponse:
    """The row as it is now, in place of the form."""
    await visit.write(_edit, visit, visit.number(), await visit.form())
    return await row(visit)


async def done(visit: Visit) -> web.StreamResponse:
    words = await visit.write(_done, visit, visit.number())
    return visit.done(words, undo={"url": f"/tasks/{visit.number()}/reopen", "values": {}})


async def cancel(visit: Visit) -> web.StreamResponse:
    await visit.write(tasks.cancel, visit.shop.id, visit.number(), by=visit.staff)
    words = await visit.read(lambda _session: _("The task is not needed any more"))
    return visit.done(words, undo={"url": f"/tasks/{visit.number()}/reopen", "values": {}})


async def reopen(visit: Visit) -> web.StreamResponse:
    await visit.write(tasks.reopen, visit.shop.id, visit.number(), by=visit.staff)
    return visit.done()


async def later(visit: Visit) -> web.StreamResponse:
    until = visit.reader.now + LATER
    await visit.write(tasks.postpone, visit.shop.id, visit.number(), until, by=visit.staff)
    return visit.done(await visit.read(lambda _session: _("Put off for an hour")))


ROUTES: tuple[Route, ...] = (
    get("/tasks", list_),
    get("/tasks/new", new),
    get("/tasks/box", box),
    get(f"/tasks/{ID}", one),
    get(f"/tasks/{ID}/row", row),
    get(f"/tasks/{ID}/form", form),
    post("/tasks", add, Right.REPLY),
    post(f"/tasks/{ID}", edit, Right.REPLY),
    post(f"/tasks/{ID}/done", done, Right.REPLY),
    post(f"/tasks/{ID}/cancel", cancel, Right.REPLY),
    post(f"/tasks/{ID}/reopen", reopen, Right.REPLY),
    post(f"/tasks/{ID}/later", later, Right.REPLY),
)


def _list(session: Session, visit: Visit) -> Shape:
    try:
        view = View(visit.query("view", View.MINE))
    except ValueError:
        raise NoSuchPage("no such view") from None
    page = max(1, min(visit.query_number("page") or 1, MOST_PAGES))
    me, shop_id = visit.staff.id, visit.shop.id
    found = task_lists.rows(session, shop_id, view, me, limit=PER_PAGE, offset=(page - 1) * PER_PAGE)
    total = task_lists.how_many(session, shop_id, view, me)
    last = max(1, -(-total // PER_PAGE))

    def at(number: int) -> str:
        return f"/tasks?{urlencode({'view': view, 'page': number})}"

    return {
        "task_view": str(view),
        "task_views": task_shapes.views(task_lists.counts(session, shop_id, me), task_lists.counts(session, shop_id)),
        "rows": [task_shapes.row(row, visit) for row in found],
        "list_url": at(page),
        "pages": {
            "now": page,
            "last": last,
            "before": at(page - 1) if page > 1 else None,
            "after": at(page + 1) if page < last else None,
        },
        "nothing": _nothing(view),
    }


def _nothing(view: View) -> Shape:
    if view is View.OVERDUE:
        return {"title": _("Nothing is overdue"), "text": _("Everything that had its time was done by it.")}
    if view is View.DONE:
        return {"title": _("Nothing done yet"), "text": _("Tasks that are done or not needed any more stay here.")}
    return {
        "title": _("No tasks"),
        "text": _(
            "Write above what is to be done: to call a buyer back, to order goods, to look whether a parcel came."
        ),
    }


def _empty(session: Session, visit: Visit) -> Shape:
    return {"forms": task_shapes.choices(session, visit), "may_change": visit.may(Right.REPLY)}


def _opened(session: Session, visit: Visit, task_id: int) -> Shape:
    return task_shapes.form(session, _found(session, visit, task_id), visit)


def _row(session: Session, visit: Visit, task_id: int) -> Shape:
    return {"task": task_shapes.row(_found(session, visit, task_id), visit)}


def _found(session: Session, visit: Visit, task_id: int) -> task_lists.Row:
    found = task_lists.one(session, visit.shop.id, task_id)
    if found is None:
        raise tasks.NoSuchTask(f"task {task_id}")
    return found


def _beside(session: Session, visit: Visit) -> Shape:
    asked = _asked(visit.request.query)
    if asked.order_id is not None:
        return task_shapes.beside(session, visit, order_id=book.get(session, visit.shop.id, asked.order_id).id)
    if asked.conversation_id is not None:
        talk = conversations.get(session, asked.conversation_id, visit.shop.id)
        return task_shapes.beside(session, visit, conversation_id=talk.id, customer_id=talk.customer_id)
    if asked.customer_id is not None:
        return task_shapes.beside(session, visit, customer_id=cards.get(session, asked.customer_id, visit.shop.id).id)
    raise NoSuchPage("tasks beside nothing")


def _asked(said: Mapping[str, str]) -> About:
    """What a task is about, as the form or the address says it."""
    conversation, order, customer = (said.get(name, "") for name in ("conversation", "order", "customer"))
    return About(*(whole(text) if text else None for text in (conversation, order, customer)))


def _add(session: Session, visit: Visit, form: Form) -> None:
    shop = session.get_one(Shop, visit.shop.id)
    tasks.add(session, shop, _wanted(visit, form), by=visit.staff, about=_asked(form))


def _edit(session: Session, visit: Visit, task_id: int, form: Form) -> Task:
    shop = session.get_one(Shop, visit.shop.id)
    # Whether there is such a task is said before what is wrong with the form.
    tasks.get(session, shop.id, task_id)
    wanted = _wanted(visit, form)
    return tasks.edit(session, shop, task_id, wanted, version=form.number("version"), by=visit.staff)


def _done(session: Session, visit: Visit, task_id: int) -> str:
    following = tasks.done(session, session.get_one(Shop, visit.shop.id), task_id, by=visit.staff)
    if following is None or following.due_at is None:
        return _("Done")
    return _("Done. The next time: {time}", time=deadline(following.due_at))


def _wanted(visit: Visit, form: Form) -> Wanted:
    try:
        repeat = Repeat(form["repeat"] or Repeat.NONE)
    except ValueError:
        raise NoSuchPage("no such repetition") from None
    return Wanted(
        title=form["title"],
        details=form["details"],
        assignee_id=form.number("assignee") if form["assignee"] else visit.staff.id,
        due_at=_due(form["when"], form["due"]),
        repeat=repeat,
    )


def _due(when: str, own: str) -> datetime | None:
    """Raises automation.due.BadDue, or what company.moments.chosen does."""
    if not when:
        return None
    now, zone = reader().now, reader().zone
    if when == "own":
        return due.read(own, zone, now)
    return moments.chosen(when, "", now, zone)
