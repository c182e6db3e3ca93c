"""The inbox: the list of conversations, the thread, and what stands beside it. What is done there is inbox_acts."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from bot.web import serve
from company import presence, staff
from company.presence import Presence
from company.rights import Right
from company.tables import ChannelAccount, Role
from customers import cards
from customers.tables import Customer
from inbox import conversations, listing, messages
from inbox.content import load_incoming, load_outgoing
from inbox.listing import View
from inbox.tables import Author, Conversation, Kind, Message, State
from operator_console import (
    composer_shapes,
    context_shapes,
    inbox_lists,
    list_shapes,
    moment_shapes,
    notification_pages,
    picker,
    planned_shapes,
    shell,
    thread_shapes,
)
from operator_console.context_shapes import Beside
from operator_console.inbox_lists import MOST_ROWS, PAGE, ListOf
from operator_console.people import Shape, colleague, presence_word
from operator_console.people import customer as face
from operator_console.rendering import channel_name
from operator_console.routing import ID, Route, get
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Visit
from storage.files import NoSuchFile
from storage.tables import StoredFile

MOST_MESSAGES = 2000

ACTS = ("take", "take_over", "release", "close", "reopen", "assign", "answered", "snooze", "bring_back", "head")
"""What the thread's head has buttons for, by the ends of their addresses."""
BEFORE_WANTED = 10
"""Messages that are shown above the one that a link leads to."""

MOST_COLLEAGUES = 8
"""Names that the composer offers at once."""


# Pages


async def home(visit: Visit) -> web.StreamResponse:
    """What the person's day begins with."""
    if not visit.may(Right.READ):
        raise web.HTTPSeeOther("/deliveries")
    return await inbox(visit)


async def inbox(visit: Visit) -> web.StreamResponse:
    which = ListOf.asked(visit)
    frame = await shell.frame(visit, "inbox", view=which.view, pane="list")
    found = await visit.read(_list, visit, which, None)
    around = await visit.read(inbox_lists.around, visit, which)
    return visit.page("pages/inbox.html", **frame, **found, **around, conversation=None)


async def conversation(visit: Visit) -> web.StreamResponse:
    which, id_ = ListOf.asked(visit), visit.number()
    frame = await shell.frame(visit, "inbox", view=which.view, pane="thread")
    unread = await visit.read(_unread, visit, id_)
    if unread and visit.may(Right.REPLY):
        await visit.write(_seen, visit, id_)
    await notification_pages.seen(visit, "conversation", id_)
    open_ = await visit.read(_whole, visit, id_, which, unread)
    found = await visit.read(_list, visit, which, id_)
    around = await visit.read(inbox_lists.around, visit, which)
    return visit.page("pages/inbox.html", **frame, **found, **open_, **around)


# Fragments


async def list_again(visit: Visit) -> web.StreamResponse:
    found = await visit.read(_list, visit, ListOf.asked(visit), visit.query_number("open"))
    return visit.page("partials/conversations.html", **found)


async def head(visit: Visit) -> web.StreamResponse:
    back = f"/inbox{ListOf.asked(visit).query()}"
    return visit.page("partials/thread_head.html", **await visit.read(_head_alone, visit, visit.number(), back))


async def feed(visit: Visit) -> web.StreamResponse:
    """The thread again: from the message `first` on, or with a page of earlier ones before the message `before`."""
    id_ = visit.number()
    if visit.query("seen") and visit.may(Right.REPLY):
        await visit.write(_seen, visit, id_)
    found = await visit.read(
        _feed_alone,
        visit,
        id_,
        first=visit.query_number("first"),
        before=visit.query_number("before"),
        unread=visit.query_number("unread"),
    )
    return visit.page("partials/feed.html", **found)


async def context(visit: Visit) -> web.StreamResponse:
    return visit.page("partials/context.html", **await visit.read(_context_alone, visit, visit.number()))


async def goods(visit: Visit) -> web.StreamResponse:
    id_ = visit.number()
    await visit.read(found_in, visit, id_)
    add = f"/inbox/{id_}/order-lines" if visit.may(Right.ORDERS) else None
    return await picker.show(visit, send=f"/inbox/{id_}/product", add=add)


async def colleagues(visit: Visit) -> web.StreamResponse:
    """Whom a note can call, for the letters after the mark."""
    rows = await visit.read(_colleagues, visit, visit.number(), visit.query("q"))
    return visit.page("partials/mention_list.html", people=rows)


async def attachment(visit: Visit) -> web.StreamResponse:
    """A file of a message, for those who may read the conversation."""
    row = await visit.read(_file, visit, visit.number(), visit.number("n"))
    return await serve(visit.console.files, row, visit.request.query.get("w"))


ROUTES: tuple[Route, ...] = (
    get("/", home, Right.OWN),
    get("/inbox", inbox),
    get("/inbox/list", list_again),
    get(f"/inbox/{ID}", conversation),
    get(f"/inbox/{ID}/head", head),
    get(f"/inbox/{ID}/feed", feed),
    get(f"/inbox/{ID}/context", context),
    get(f"/inbox/{ID}/picker", goods),
    get(f"/inbox/{ID}/colleagues", colleagues, Right.REPLY),
    get(rf"/attachments/{ID}/{{n:\d{{1,3}}}}", attachment),
)


# What they show


def found_in(session: Session, visit: Visit, id_: int, *, lock: bool = False) -> Conversation:
    """A buyer's conversation of this shop. The staff's own chats are not part of the inbox."""
    found = conversations.get(session, id_, visit.shop.id, lock=lock)
    if found.kind != Kind.BUYER:
        raise conversations.NoSuchConversation(f"conversation {id_} is a staff chat")
    return found


def beside(session: Session, visit: Visit, here: Conversation) -> Beside:
    channel = session.get_one(ChannelAccount, here.account_id).channel
    customer = cards.get(session, here.customer_id, visit.shop.id) if here.customer_id is not None else None
    return context_shapes.beside(session, here, channel, customer or _nobody(visit))


def _nobody(visit: Visit) -> Customer:
    """Stands for the customer of a conversation that has none yet."""
    return Customer(id=0, shop_id=visit.shop.id, name="", city="", tags=[], phone=None)


def _colleagues(session: Session, visit: Visit, id_: int, words: str) -> list[Shape]:
    """Those of whose names one begins with the letters, or the whole does; oneself is not called."""
    found_in(session, visit, id_)
    words = words[:60].casefold().strip()
    others = [person for person in staff.at_the_counter(session, visit.shop.id) if person.id != visit.staff.id]
    fitting = [
        person
        for person in others
        if person.name.casefold().startswith(words)
        or any(part.startswith(words) for part in person.name.casefold().split())
    ]
    return [colleague(person, email=person.email) for person in fitting[:MOST_COLLEAGUES]]


def _seen(session: Session, visit: Visit, id_: int) -> None:
    conversations.mark_read(session, found_in(session, visit, id_, lock=True), by=visit.staff)


def _list(session: Session, visit: Visit, which: ListOf, current: int | None) -> Shape:
    counts = listing.counts(session, visit.shop.id, visit.staff.id)
    rows = listing.rows(
        session,
        visit.shop.id,
        view=which.view,
        staff_id=visit.staff.id,
        channel=which.channel,
        text=which.text,
        limit=which.limit + 1,
    )
    titles = {view: label for view, label, _mark, _hot in shell.views()}
    title = channel_name(which.channel) if which.channel else titles[which.view]
    by_waiting = which.view is View.WAITING
    other = which.query(view=View.OPEN if by_waiting else View.WAITING)
    counted = f"channel:{which.channel}" if which.channel else which.view.value
    here = f"&open={current}" if current is not None else ""
    address = f"/inbox/list?view={which.view}&channel={which.channel}{here}"
    return {
        "list": {
            "title": title,
            "total": counts.get(counted) or "",
            "total_of": counted.replace(":", "-"),
            "query": which.text,
            "sort": {"label": _sorted(which.view), "url": f"/inbox{other}"},
            "search_url": address,
        },
        "rows": list_shapes.rows(
            session, visit, rows[: which.limit], view=which.view, current=current, query=which.query()
        ),
        "shown": {"view": which.view.value, "channel": which.channel, "search": which.text, "query": which.query()},
        "list_url": f"{address}&{urlencode({'q': which.text, 'n': which.limit})}",
        "more_url": f"{address}&{urlencode({'q': which.text, 'n': which.limit + PAGE})}"
        if len(rows) > which.limit and which.limit < MOST_ROWS
        else None,
        "may_tick": visit.may(Right.REPLY),
        "view_empty": _nothing(which),
    }


def _sorted(view: View) -> str:
    words = {View.WAITING: _("Longest wait"), View.SNOOZED: _("Soonest back")}
    return words.get(view, _("Newest first"))


def _nothing(which: ListOf) -> Shape:
    if which.text:
        return {"title": _("Nothing found"), "text": _("Try a part of the name, the phone or the last message.")}
    if which.view is View.SNOOZED:
        words = _("A conversation that you put off stands here until its time comes or the buyer writes.")
        return {"title": _("Nothing is put off"), "text": words}
    if which.view is View.WAITING:
        return {"title": _("Nobody waits"), "text": _("Everybody who asked for a person has an answer.")}
    return {"title": _("Quiet here"), "text": _("New messages appear here by themselves.")}


def _unread(session: Session, visit: Visit, id_: int) -> int:
    return found_in(session, visit, id_).unread


def _whole(session: Session, visit: Visit, id_: int, which: ListOf, unread: int) -> Shape:
    """`unread` of the buyer's messages were that until now."""
    here = found_in(session, visit, id_)
    around = beside(session, visit, here)
    found = _newest(session, id_, visit.query_number("message"))
    heard = [message.id for message in found if message.author == Author.BUYER]
    first_unread = heard[-unread:][0] if heard and unread else None
    return {
        **_head(session, visit, around, back=f"/inbox{which.query()}"),
        **_feed(session, visit, around, found, unread=first_unread),
        **context_shapes.context(session, visit, around),
        "compose": composer_shapes.composer(session, visit, around),
        "picker_url": f"/inbox/{id_}/picker",
        "canned_url": f"/inbox/{id_}/canned",
        "mention_url": f"/inbox/{id_}/colleagues",
    }


def _newest(session: Session, id_: int, wanted: int | None) -> list[Message]:
    """The newest messages; from somewhat before the wanted one on, where that is earlier."""
    newest = messages.thread(session, id_, limit=PAGE)
    if wanted is None or not newest or wanted >= newest[0].id:
        return newest
    earlier = messages.thread(session, id_, before=wanted, limit=BEFORE_WANTED)
    after = earlier[0].id - 1 if earlier else wanted - 1
    return messages.thread(session, id_, after=after, limit=MOST_MESSAGES)


def _head_alone(session: Session, visit: Visit, id_: int, back: str) -> Shape:
    return _head(session, visit, beside(session, visit, found_in(session, visit, id_)), back=back)


def _context_alone(session: Session, visit: Visit, id_: int) -> Shape:
    return context_shapes.context(session, visit, beside(session, visit, found_in(session, visit, id_)))


def _feed_alone(
    session: Session, visit: Visit, id_: int, *, first: int | None, before: int | None, unread: int | None
) -> Shape:
    here = found_in(session, visit, id_)
    if before is not None:
        earlier = messages.thread(session, id_, before=before, limit=PAGE)
        first = earlier[0].id if earlier else before
    after = (first or 1) - 1
    found = messages.thread(session, id_, after=after, limit=MOST_MESSAGES)
    return _feed(session, visit, beside(session, visit, here), found, unread=unread)


def _head(session: Session, visit: Visit, around: Beside, *, back: str) -> Shape:
    here = around.conversation
    everybody = staff.of_shop(session, visit.shop.id)
    people = {person.id: person for person, _role in everybody}
    offered = [person for person, role in everybody if role is not Role.COURIER]
    states = presence.of_shop(session, visit.shop.id, reader().now)
    leader = people.get(here.assignee_id or 0)
    mine = here.held and here.assignee_id == visit.staff.id
    order = around.current
    return {
        "conversation": {
            "id": here.id,
            "customer": face(around.customer.name, around.customer.id, around.portrait),
            "channel": around.channel,
            "channel_name": channel_name(around.channel),
            "held": here.held,
            "mine": mine,
            "leader": colleague(leader) if leader else None,
            "led_by": _led_by(here, leader.name if leader else "", mine=mine),
            "closed": here.state == State.CLOSED,
            "waits": here.waiting_since is not None,
            "snoozed_until": here.snoozed_until,
            "moments": moment_shapes.offered(),
            "may_reply": visit.may(Right.REPLY),
            "order": {"number": order.number} if order else None,
            "colleagues": [
                colleague(person, presence=str(states[person.id]), presence_word=presence_word(states[person.id]))
                for person in sorted(offered, key=lambda one: states[one.id] is not Presence.ONLINE)
                if person.id not in (visit.staff.id, here.assignee_id)
            ],
            "urls": {act: f"/inbox/{here.id}/{act}" for act in ACTS} | {"back": back},
            "form_key": secrets.token_hex(16),
        }
    }


def _led_by(here: Conversation, leader: str, *, mine: bool) -> str:
    if mine:
        return _("you lead")
    if here.assignee_id is not None and leader and not here.held:
        return _("waits for {name}", name=leader.split(" ")[0])
    if here.held:
        return _("{name} leads", name=leader.split(" ")[0]) if leader else _("a person leads")
    return _("the buyer waits for a person") if here.waiting_since is not None else _("the bot answers")


def _feed(session: Session, visit: Visit, around: Beside, found: list[Message], *, unread: int | None) -> Shape:
    """`unread`: the first message that was not read when the page was opened; the mark above it stays while it is, or
    until the reader says something: who has answered has read it all."""
    here = around.conversation
    if unread and any(one.id > unread and one.staff_id == visit.staff.id and not one.private for one in found):
        unread = None
    first = found[0].id if found else 0
    earlier = bool(found) and _has_earlier(session, here.id, first)
    mark = f"&unread={unread}" if unread else ""
    return {
        "days": thread_shapes.days(
            session,
            visit,
            here,
            found,
            buyer=face(around.customer.name, around.customer.id)["name"],
            order=around.current,
            whole=not earlier,
        ),
        "planned": planned_shapes.planned(session, visit, here),
        "unread_id": unread,
        "feed_url": f"/inbox/{here.id}/feed?first={first}{mark}",
        "earlier_url": f"/inbox/{here.id}/feed?before={first}{mark}" if earlier else None,
        "last_id": found[-1].id if found else 0,
    }


def _has_earlier(session: Session, id_: int, first: int) -> bool:
    query = sa.select(sa.exists().where(Message.conversation_id == id_, Message.id < first))
    return bool(session.scalar(query))


def _file(session: Session, visit: Visit, message_id: int, n: int) -> StoredFile:
    message = session.get(Message, message_id)
    if message is None or message.private:
        raise NoSuchFile(f"message {message_id}")
    found_in(session, visit, message.conversation_id)
    load = load_incoming if message.author == Author.BUYER else load_outgoing
    media = load(message.content).media
    file_id = media[n].file_id if n < len(media) else None
    row = session.get(StoredFile, file_id) if file_id is not None else None
    if row is None:
        raise NoSuchFile(f"message {message_id} has no file {n}")
    return row
