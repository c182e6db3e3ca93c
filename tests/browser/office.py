"""Whole days at the console: people of the shop in browsers of their own, each behind a line that can be cut.

What a window shows is held against the database, which is asked past the product's own lists and counts.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Response, expect
from sqlalchemy.orm import Session

from automation.tables import Notification, Task, TaskState
from catalog.names import named
from company import staff
from company.tables import Role
from inbox.tables import Author, Conversation, Delivery, Kind, Message, State
from orders.tables import Group, Order, Stage
from tests.faults.proxy import Ill, Plan, Proxy
from tests.stories import street as places
from tests.stories.street import PASSWORD, SITE, Street

PATIENCE = 30_000
"""Milliseconds to wait for what must come by itself."""

SOFYA_EMAIL = "sofya@clay.example"
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

LINE_IS_CUT = ("net::ERR_", "Failed to load resource", "Failed to fetch")
"""What a browser says of requests that could not be made."""

LOOK = """() => {
  const text = (it) => (it?.textContent ?? "").replace(/\\s+/g, " ").trim();
  const panel = document.querySelector("#order-panel[data-order]");
  const said = [...document.querySelectorAll("#feed-inner [id]")].filter((it) => /^message-\\d+$/.test(it.id));
  const counts = [...document.querySelectorAll("[id^=nav-], [id^=tab-], [id^=view-], [id^=strip-], [id^=total-]")];
  return {
    thread: Number(document.querySelector("[data-thread]")?.dataset.thread ?? 0),
    messages: said.map((it) => [
      Number(it.id.slice(8)), it.querySelector(".card") ? null : text(it), text(it.querySelector(".delivery")),
    ]),
    order: panel && [
      Number(panel.dataset.order),
      text(panel.querySelector("dd.total")).replace(/\\D/g, ""),
      text(panel.querySelector("[aria-current=step]")),
    ],
    counts: Object.fromEntries(counts.map((it) => [it.id, Number(text(it) || 0)])),
  };
}"""
"""What a window shows of the thread (its cards have words of their own), the order beside it and the menu."""

FINISHED = (Group.COMPLETE, Group.CANCELLED)

STREAMS = """
window.streams = 0;
window.EventSource = class extends EventSource {
  constructor(...told) {
    super(...told);
    this.addEventListener("open", () => { window.streams += 1; });
  }
};
"""
"""Counts in a page how often its event stream was opened."""

WORDS = {
    Delivery.QUEUED: "отправляется",
    Delivery.SENDING: "отправляется",
    Delivery.SENT: "отправлено",
    Delivery.DELIVERED: "доставлено",
    Delivery.READ: "прочитано",
}


@dataclass
class Wrongs:
    """Everything that a browser complains of, and every request of its pages that fails."""

    said: list[str] = field(default_factory=list)
    _bearing: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("weberror", lambda error: self._hear(f"uncaught: {error.error}"))
        context.on("console", self._listen)
        context.on("requestfailed", self._fails)
        context.on("response", self._answers)

    @asynccontextmanager
    async def expected(self, *patterns: str) -> AsyncIterator[None]:
        """Complaints that fit one of the patterns are what the story is about, until its end."""
        self._bearing = list(patterns)
        yield
        self._bearing = []

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._hear(f"console: {message.text}")

    def _fails(self, request: Request) -> None:
        # What a page still asks for while it is being left is nobody's loss.
        if request.failure != "net::ERR_ABORTED":
            self._hear(f"{request.failure}: {request.method} {urlsplit(request.url).path}")

    def _answers(self, response: Response) -> None:
        if response.status >= 400:
            self._hear(f"{response.status}: {response.request.method} {urlsplit(response.url).path}")

    def _hear(self, wrong: str) -> None:
        if not any(re.search(pattern, wrong) for pattern in self._bearing):
            self.said.append(wrong)


class Window:
    """One person's browser with the console open, and the line between it and the hub."""

    def __init__(self, street: Street, line: Proxy, page: Page, email: str) -> None:
        self.street, self.line, self.page, self.email = street, line, page, email
        self.address = f"http://127.0.0.1:{line.port}"
        self.wrongs = Wrongs()
        self.wrongs.watch(page.context)

    async def sign_in(self) -> None:
        await self.page.add_init_script(STREAMS)
        await self.page.goto(f"{self.address}/login")
        await self.page.fill("[name=email]", self.email)
        await self.page.fill("[name=password]", PASSWORD)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_url(f"{self.address}/")
        await self.is_ready()

    async def open(self, path: str) -> None:
        await self.page.goto(self.address + path)
        await self.is_ready()

    @property
    def area(self) -> Locator:
        return self.page.get_by_label("Сообщение", exact=True)

    async def writes(self, text: str) -> None:
        await self.area.fill(text)
        await self.page.keyboard.press("Control+Enter")

    async def is_ready(self) -> None:
        """The page's scripts have begun: the stream is the last of them. Before, nobody hears a key."""

        async def listens() -> bool:
            return bool(await self.page.evaluate("window.streams > 0"))

        assert await becomes(listens), f"{self.page.url} never began"

    async def sees(self, text: str | re.Pattern[str]) -> None:
        await expect(self.page.locator("#feed").get_by_text(text).last).to_be_visible(timeout=PATIENCE)
        await self.is_ready()

    async def is_told(self, text: str) -> None:
        await expect(self.page.locator("[data-toasts]").get_by_text(text).last).to_be_visible(timeout=PATIENCE)

    async def leads(self) -> None:
        await expect(self.page.locator("#thread-head")).to_contain_text("ведёте вы", timeout=PATIENCE)

    def offline(self) -> Locator:
        return self.page.locator("[data-offline]")

    async def shot(self, name: str) -> None:
        """A screenshot into the folder that PRILAVOK_SCREENSHOTS names, if it names one."""
        if folder := os.environ.get("PRILAVOK_SCREENSHOTS"):
            await self.page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")

    @asynccontextmanager
    async def cut_off(self) -> AsyncIterator[None]:
        """Nothing gets through in either direction; the page says so, and says when it is over."""
        async with self.wrongs.expected(*LINE_IS_CUT):
            await self.line.plan(Plan(Ill.REFUSE))
            await expect(self.offline()).to_be_visible(timeout=PATIENCE)
            yield
            await self.line.heal()
            await expect(self.offline()).to_be_hidden(timeout=PATIENCE)

    @asynccontextmanager
    async def torn(self) -> AsyncIterator[None]:
        """Every connection is torn at once; in the end the page listens anew."""
        streams = await self.page.evaluate("window.streams")
        self.line.reset_all()
        yield

        async def listens() -> bool:
            return bool(await self.page.evaluate("window.streams") > streams)

        assert await becomes(listens), "the page never came back"

    async def shows_what_is_stored(self) -> None:
        """The messages in their order and each once, how they were delivered, the order's sum and stage, the menu."""
        shown: dict[str, Any] = {}
        await self.is_ready()

        async def same() -> bool:
            nonlocal shown
            shown = await self.page.evaluate(LOOK)
            return not await self._differences(shown)

        if not await becomes(same):
            raise AssertionError("\n".join(await self._differences(shown)))
        await self._nothing_sticks_out()

    async def _differences(self, shown: dict[str, Any]) -> list[str]:
        stored = await self.street.ask(_stored, self.email, shown["thread"], (shown["order"] or [0])[0])
        found = [
            f"{name}: shown {n}, stored {stored.counts.get(name, 0)}"
            for name, n in shown["counts"].items()
            if n != stored.counts.get(name, 0)
        ]
        if shown["order"] and tuple(shown["order"]) != stored.order:
            found.append(f"order: shown {shown['order']}, stored {stored.order}")
        if not shown["thread"]:
            return found
        if [id_ for id_, *_ in shown["messages"]] != [one.id for one in stored.messages]:
            found.append(f"thread: shown {shown['messages']}, stored {[(m.id, m.text) for m in stored.messages]}")
        for (id_, text, delivery), one in zip(shown["messages"], stored.messages, strict=False):
            said = text is not None and one.author in (Author.BUYER, Author.STAFF)
            if said and _plain(one.text) not in text:
                found.append(f"message {id_}: shown {text!r}, stored {one.text!r}")
            if delivery and delivery != WORDS.get(one.delivery):
                found.append(f"message {id_}: shown {delivery!r}, stored {one.delivery}")
        return found

    async def _nothing_sticks_out(self) -> None:
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await self.page.evaluate(wide) <= 0, f"{self.page.url} is wider than the screen"


class Widget:
    """A visitor of the shop's site with the web chat open, behind a line of his own."""

    name = "Вера"

    def __init__(self, line: Proxy, page: Page) -> None:
        self.line, self.page = line, page
        self.wrongs = Wrongs()
        self.wrongs.watch(page.context)

    async def arrive(self) -> None:
        await self.page.goto(f"http://127.0.0.1:{self.line.port}/webchat/frame?site={SITE}&lang=ru")
        await self.page.locator("body[data-ready]").wait_for()

    async def say(self, text: str) -> None:
        box = self.page.get_by_label("Сообщение", exact=True)
        await box.fill(text)
        await box.press("Enter")

    async def sees(self, text: str) -> None:
        await expect(self.page.locator("#messages").get_by_text(text).last).to_be_visible(timeout=PATIENCE)

    async def words(self) -> list[str]:
        """Everything that was said, by either side."""
        return await self.page.locator(".message .words").all_inner_texts()

    @asynccontextmanager
    async def cut_off(self) -> AsyncIterator[None]:
        async with self.wrongs.expected(*LINE_IS_CUT):
            await self.line.plan(Plan(Ill.REFUSE))
            await expect(self.page.get_by_text("Нет связи")).to_be_visible(timeout=PATIENCE)
            yield
            await self.line.heal()
            await expect(self.page.get_by_text("Нет связи")).to_be_hidden(timeout=30_000)


class Office:
    """Opens windows, and closes them with their lines; a complaint of any browser fails the day."""

    def __init__(self, street: Street, browser: Browser) -> None:
        self.street, self.browser = street, browser
        self._stack = AsyncExitStack()
        self._watched: list[Wrongs] = []

    async def __aenter__(self) -> Office:
        await self.street.do(_hire)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._stack.aclose()
        if kind is None:
            wrongs = [wrong for watched in self._watched for wrong in watched.said]
            assert not wrongs, "\n".join(wrongs)

    async def window(self, email: str, *, phone: bool = False) -> Window:
        """Somebody signs in."""
        window = Window(self.street, *await self._line(PHONE if phone else DESK, phone=phone), email)
        self._watched.append(window.wrongs)
        await window.sign_in()
        return window

    async def widget(self) -> Widget:
        widget = Widget(*await self._line(DESK))
        self._watched.append(widget.wrongs)
        await widget.arrive()
        return widget

    async def buyers_page(self) -> Page:
        """A phone's browser that opens a payment link: straight to the hub."""
        context = await self.browser.new_context(viewport={"width": 390, "height": 844}, locale="ru-RU")
        self._stack.push_async_callback(context.close)
        watched = Wrongs()
        watched.watch(context)
        self._watched.append(watched)
        return await context.new_page()

    async def _line(self, size: dict[str, int], *, phone: bool = False) -> tuple[Proxy, Page]:
        line = Proxy("127.0.0.1", self.street.config.port)
        await line.start()
        self._stack.push_async_callback(line.stop)
        context = await self.browser.new_context(
            viewport={"width": size["width"], "height": size["height"]}, locale="ru-RU", has_touch=phone
        )
        self._stack.push_async_callback(context.close)
        return line, await context.new_page()


async def becomes(true: Callable[[], Awaitable[bool]]) -> bool:
    """Whether it becomes true in time."""
    try:
        async with asyncio.timeout(PATIENCE / 1000):
            while not await true():
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True


# What is stored


@dataclass(frozen=True, slots=True)
class Stored:
    counts: dict[str, int]
    messages: list[Message]
    order: tuple[int, str, str] | None
    """Its id, its total in whole roubles, and the name of its stage."""


def talk_in(session: Session, channel: str, chat: str = "") -> int:
    """The conversation of this chat, or the only one of the channel."""
    account = places.account(session, channel).id
    query = sa.select(Conversation.id).where(Conversation.account_id == account, Conversation.kind == Kind.BUYER)
    return session.scalars(query.where(Conversation.chat == chat) if chat else query).one()


def _hire(session: Session) -> None:
    """A second one, who may also give money back."""
    marina = places.person(session, places.MARINA_EMAIL)
    sofya = staff.add(
        session, places.the_shop(session), email=SOFYA_EMAIL, name="Софья Белова", password=None, role=Role.MANAGER
    )
    sofya.password_hash = marina.password_hash


def _stored(session: Session, email: str, thread: int, order: int) -> Stored:
    messages = session.scalars(sa.select(Message).where(Message.conversation_id == thread).order_by(Message.id))
    return Stored(_counts(session, places.person(session, email).id), list(messages), _order(session, order))


def _counts(session: Session, me: int) -> dict[str, int]:
    """By the ids of the places that show them."""
    talks = session.scalars(
        sa.select(Conversation).where(Conversation.kind == Kind.BUYER, Conversation.state == State.OPEN)
    ).all()
    channels = {channel: places.account(session, channel).id for channel in ("telegram", "webchat")}
    going = sa.select(Order.id).join(Stage, Stage.id == Order.stage_id).where(Stage.group.not_in(FINISHED))
    tasks = sa.select(Task.id).where(Task.assignee_id == me, Task.state == TaskState.OPEN)
    unread = len(session.scalars(_told(me)).all())
    views = {
        "open": len(talks),
        "mine": sum(talk.assignee_id == me for talk in talks),
        "unassigned": sum(talk.assignee_id is None for talk in talks),
        "waiting": sum(talk.waiting_since is not None for talk in talks),
    }
    return {
        **{f"{place}-{view}": n for view, n in views.items() for place in ("view", "strip", "total")},
        **{f"nav-channel-{name}": sum(t.account_id == id_ for t in talks) for name, id_ in channels.items()},
        "nav-inbox": len(talks),
        "tab-inbox": len(talks),
        "nav-orders": len(session.scalars(going).all()),
        "nav-tasks": len(session.scalars(tasks).all()),
        "nav-bell": unread,
        "tab-bell": unread,
    }


def _told(me: int) -> sa.Select[int]:
    return sa.select(Notification.id).where(Notification.staff_id == me, Notification.read_at.is_(None))


def _order(session: Session, id_: int) -> tuple[int, str, str] | None:
    found = session.get(Order, id_)
    if found is None:
        return None
    return found.id, str(found.total_amount // 100), named(session.get_one(Stage, found.stage_id), "ru")


def _plain(text: str) -> str:
    return " ".join(text.split())
