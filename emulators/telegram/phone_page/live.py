"""What changes on a person's screen, as server-sent events that can be taken up again after a broken connection.

Each event's id is `<epoch>-<number>`; a screen that asks for numbers that are gone is told to load itself anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import orjson
from aiohttp import web

from emulators.telegram.bot_api import CLOUD
from emulators.telegram.phone_page.rendering import (
    Screen,
    album_of,
    key_of,
    keys_html,
    message_html,
    row_html,
    state_of,
)
from emulators.telegram.world import Chat, Feed, Happening, Json, World

HEARTBEAT = 15.0
RELOAD: Json = {"type": "reload"}


def cursor(feed: Feed) -> str:
    return f"{feed.epoch}-{feed.number}"


def changes(
    world: World, screen: Screen, open_bot: int | None, happenings: Iterable[Happening]
) -> Iterator[tuple[int, list[Json]]]:
    """Number by number, what the screen must do. A message that changed twice is shown once, as it is now."""
    done: set[tuple[str, int, int]] = set()
    for happening in happenings:
        kind = "message" if happening.kind == "edited" else happening.kind
        what = (kind, happening.bot_id, happening.message_id)
        if kind != "answer" and what in done:
            continue
        done.add(what)
        yield happening.number, [*_change(world, screen, open_bot, kind, happening)]


def _change(world: World, screen: Screen, open_bot: int | None, kind: str, happening: Happening) -> Iterator[Json]:
    chat = world.chat(happening.bot_id, screen.person_id)
    if happening.bot_id != open_bot:
        if kind in ("message", "deleted", "read", "typing"):
            yield {"type": "row", "bot": chat.bot.id, "html": row_html(screen, chat), "unread": chat.unread}
        return
    if kind == "message":
        message = chat.messages.get(happening.message_id)
        if message is not None:
            yield {
                "type": "message",
                "key": key_of(message),
                "html": message_html(screen, chat, album_of(chat, message)),
            }
    elif kind == "deleted":
        yield {"type": "deleted", "key": f"message-{happening.message_id}"}
    elif kind == "answer":
        yield {"type": "answer", "message": happening.message_id, **(happening.details or {})}
    if kind != "answer":
        yield standing(screen, chat)


def standing(screen: Screen, chat: Chat) -> Json:
    """The parts of an open chat outside its messages: header line, reply keyboard, what the bottom shows."""
    placeholder = (chat.keyboard or {}).get("input_field_placeholder") or screen.texts["message"]
    return {
        "type": "standing",
        "state": state_of(chat),
        "typing": screen.texts.get(chat.typing, screen.texts["typing"]) if chat.typing else "",
        "keys": keys_html(screen, chat),
        "placeholder": placeholder,
    }


async def stream(request: web.Request, screen: Screen, open_bot: int | None) -> web.StreamResponse:
    """Send changes until the reader leaves or the server stops."""
    cloud = request.app[CLOUD]
    feed = cloud.world.feeds[screen.person_id]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    epoch, _, last_seen = (request.headers.get("Last-Event-ID") or request.query.get("after", "")).partition("-")
    reached = int(last_seen) if epoch == feed.epoch and last_seen.isdigit() else -1
    bell = asyncio.Event()
    feed.screens.add(bell)
    try:
        await response.write(b"retry: 1000\n\n")
        while not cloud.stopping.is_set():
            happenings = feed.since(reached) if reached >= 0 else None
            if happenings is None:
                await response.write(_event(cursor(feed), [RELOAD]))
                return response
            reached = feed.number
            for number, together in changes(cloud.world, screen, open_bot, happenings):
                await response.write(_event(f"{feed.epoch}-{number}", together))
            await _ring(bell, response)
    except ConnectionError:
        return response
    finally:
        feed.screens.discard(bell)
    return response


def _event(event_id: str, together: list[Json]) -> bytes:
    return b"id: " + event_id.encode() + b"\ndata: " + orjson.dumps(together) + b"\n\n"


async def _ring(bell: asyncio.Event, response: web.StreamResponse) -> None:
    """Wait for the next happening; a comment now and then finds out whether the reader is still there."""
    try:
        async with asyncio.timeout(HEARTBEAT):
            await bell.wait()
    except TimeoutError:
        await response.write(b": still here\n\n")
    bell.clear()
