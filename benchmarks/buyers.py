"""Telegram and its users, in as few instructions as possible: they write over webhooks, and count what comes back.

The emulator of the tests answers as the real server does and costs too much to be a yardstick. This one knows only
what the measured bots call, and looks at every reply: each must be the answer to the oldest thing its chat still waits
for, or it counts as doubled or out of order.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks import wire

TOKEN = "7007:benchmark-bot-of-clay-and-linen"
SECRET = "benchmark-secret-of-clay-and-linen"
"""Telegram's side of the webhook: X-Telegram-Bot-Api-Secret-Token."""

SAID = ("помощь", "вопрос", "/start")
"""What buyers write, in turn: to each the shop answers with one message, and each answer is another."""

CATALOG = "каталог"

FIRST_CHAT = 10_000
"""The first buyer's number; the others follow."""

CONNECTIONS = 40
"""Telegram's default max_connections of a webhook."""

PATIENCE = 30.0
"""Seconds after which a reply counts as lost."""

BOT: dict[str, Any] = {
    "id": int(TOKEN.split(":")[0]),
    "is_bot": True,
    "first_name": "Глина и лён",
    "username": "clay_bot",
}


@dataclass(slots=True)
class Counts:
    """What went wrong. All must be zero, or the figures mean nothing."""

    refused: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    strange: int = 0
    unanswered_presses: int = 0

    @property
    def clean(self) -> bool:
        return not any(
            (self.refused, self.lost, self.doubled, self.out_of_order, self.strange, self.unanswered_presses)
        )


@dataclass(slots=True)
class Chat:
    """One buyer's chat with the bot, as his phone shows it."""

    id: int
    user: dict[str, Any]
    waits: deque[tuple[int, float]] = field(default_factory=deque)
    """What was asked and not answered yet: which of the things, and since when."""
    asked: int = 0
    screen: dict[str, Any] | None = None
    """The last message that has buttons."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    reply: str = ""


class Street:
    """The buyers, the Bot API that the bot calls, and the webhook that calls the bot."""

    def __init__(self, buyers: int) -> None:
        self.counts = Counts()
        self.seconds: list[float] = []
        self.port = 0
        self.hooked = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._hook: wire.Client | None = None
        self._chats: dict[int, Chat] = {}
        for n in range(buyers):
            user = {
                "id": FIRST_CHAT + n, "is_bot": False, "first_name": "Покупатель", "username": f"buyer_{n}",
                "language_code": "ru",
            }  # fmt: skip
            self._chats[user["id"]] = Chat(user["id"], user)  # type: ignore[index, arg-type]
        self.chats = list(self._chats.values())
        self._meanings: dict[str, int] = {}
        """The texts of replies, and which of the things asked each answers. Learned from the first replies."""
        self._learning = True
        self._updates = self._messages = 0
        self._unacknowledged: set[str] = set()
        self._posts: set[asyncio.Task[None]] = set()
        self._hook_url = ""
        self._methods = {
            "getwebhookinfo": self._webhook,
            "sendmessage": self._send, "editmessagetext": self._edit, "answercallbackquery": self._acknowledge,
            "setwebhook": self._set_webhook, "getme": self._me,
        }  # fmt: skip

    async def open(self) -> None:
        self._server, self.port = await wire.serve(self._call)

    async def connect(self, port: int, path: str) -> None:
        """Reach the bot: call only once it listens."""
        self._hook = wire.Client(port, path, {"X-Telegram-Bot-Api-Secret-Token": SECRET})
        await self._hook.connect(CONNECTIONS)

    async def close(self) -> None:
        if self._hook is not None:
            self._hook.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    # What buyers do

    async def first(self, words: str) -> None:
        """Somebody writes, and is answered whatever it be."""
        chat = self.chats[0]
        chat.changed.clear()
        self._say(chat, words)
        await self._changed(chat)

    def write(self, chat: Chat, words: str) -> None:
        """Somebody writes, whatever comes of it."""
        self._say(chat, words)

    async def meet(self, most: int = 64) -> None:
        """The first chat asks each thing and learns what is answered to it; then all ask, some at a time."""
        first = self.chats[0]
        for n, words in enumerate(SAID):
            first.changed.clear()
            self._say(first, words)
            await self._changed(first)
            self._meanings[first.reply] = n
        self._learning = False
        for _ in SAID:
            await asyncio.gather(*(self.ask(chat) for chat in self.chats[:most]))
        self.seconds.clear()

    async def enter(self) -> None:
        """Each chat walks to a product card of two variants, and looks at both."""
        self._learning = True
        for chat in self.chats:
            chat.changed.clear()
            self._say(chat, CATALOG)
            await self._changed(chat)
            while not _variants(chat):
                chat.changed.clear()
                self._press(chat, _buttons(chat)[0][0])
                await self._changed(chat)
            for _ in range(2):
                other = _other(chat)
                chat.changed.clear()
                self._press(chat, other)
                await self._changed(chat)
                self._meanings[chat.reply] = _place(other)
        await self.quiet()
        self._learning = False
        self.seconds.clear()

    async def ask(self, chat: Chat) -> None:
        """Say the next thing, and wait for the answer."""
        chat.changed.clear()
        self.say_next(chat, time.perf_counter())
        await self._answered(chat)

    async def look(self, chat: Chat) -> None:
        """Press for the other variant of the card, and wait until the card shows it."""
        chat.changed.clear()
        self.press_other(chat, time.perf_counter())
        await self._answered(chat)

    def say_next(self, chat: Chat, began: float) -> None:
        n = chat.asked % len(SAID)
        chat.asked += 1
        chat.waits.append((n, began))
        self._say(chat, SAID[n])

    def press_other(self, chat: Chat, began: float) -> None:
        button = _other(chat)
        chat.waits.append((_place(button), began))
        self._press(chat, button)

    async def quiet(self) -> None:
        """Wait for every answer still due, and count as lost what does not come."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            due = sum(len(chat.waits) for chat in self.chats) + len(self._unacknowledged) + len(self._posts)
            if not due:
                break
            await asyncio.sleep(0.02)
        # A reply too many would come a moment later.
        await asyncio.sleep(0.3)
        for chat in self.chats:
            self.counts.lost += len(chat.waits)
            chat.waits.clear()
        self.counts.unanswered_presses += len(self._unacknowledged)
        self._unacknowledged.clear()

    async def _changed(self, chat: Chat) -> None:
        async with asyncio.timeout(PATIENCE):
            await chat.changed.wait()

    async def _answered(self, chat: Chat) -> None:
        async with asyncio.timeout(PATIENCE):
            while chat.waits:
                await chat.changed.wait()
                chat.changed.clear()

    # The webhook

    def _say(self, chat: Chat, words: str) -> None:
        self._messages += 1
        message: dict[str, Any] = {
            "message_id": self._messages, "date": int(time.time()), "chat": _shown(chat), "from": chat.user,
            "text": words,
        }  # fmt: skip
        if words.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(words)}]
        self._post({"message": message})

    def _press(self, chat: Chat, button: dict[str, Any]) -> None:
        press = f"{chat.id}{self._updates + 1}"
        self._unacknowledged.add(press)
        query = {
            "id": press, "from": chat.user, "message": chat.screen, "chat_instance": str(chat.id),
            "data": button["callback_data"],
        }  # fmt: skip
        self._post({"callback_query": query})

    def _post(self, update: dict[str, Any]) -> None:
        self._updates += 1
        task = asyncio.get_running_loop().create_task(
            self._deliver(orjson.dumps({"update_id": self._updates} | update))
        )
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)

    async def _deliver(self, body: bytes) -> None:
        assert self._hook is not None
        try:
            taken = await self._hook.post(body) == 200
        except ConnectionError:
            taken = False
        self.counts.refused += not taken

    # The Bot API

    def _call(self, method: str, fields: wire.Fields) -> object:
        known = self._methods.get(method.lower())
        if known is None:
            self.counts.strange += 1
            return {"ok": False, "error_code": 404, "description": f"Not Found: {method}"}
        return {"ok": True, "result": known(fields)}

    def _me(self, fields: wire.Fields) -> dict[str, Any]:
        return BOT

    def _webhook(self, fields: wire.Fields) -> dict[str, Any]:
        return {"url": self._hook_url, "has_custom_certificate": False, "pending_update_count": 0}

    def _set_webhook(self, fields: wire.Fields) -> bool:
        self._hook_url = str(fields.get("url", ""))
        self.hooked.set()
        return True

    def _acknowledge(self, fields: wire.Fields) -> bool:
        press = str(fields["callback_query_id"])
        if press in self._unacknowledged:
            self._unacknowledged.remove(press)
        else:
            self.counts.doubled += 1
        return True

    def _send(self, fields: wire.Fields) -> dict[str, Any]:
        self._messages += 1
        return self._shows(fields, self._messages)

    def _edit(self, fields: wire.Fields) -> dict[str, Any]:
        return self._shows(fields, int(str(fields["message_id"])))

    def _shows(self, fields: wire.Fields, message_id: int) -> dict[str, Any]:
        chat, text = self._chats[int(str(fields["chat_id"]))], str(fields["text"])
        message: dict[str, Any] = {
            "message_id": message_id, "date": int(time.time()), "chat": _shown(chat), "from": BOT, "text": text,
        }  # fmt: skip
        markup = fields.get("reply_markup")
        if isinstance(markup, str):
            markup = orjson.loads(markup)
        if isinstance(markup, dict) and "inline_keyboard" in markup:
            message["reply_markup"] = markup
            chat.screen = message
        chat.reply = text
        if not self._learning:
            self._judge(chat, text)
        chat.changed.set()
        return message

    def _judge(self, chat: Chat, text: str) -> None:
        meaning = self._meanings.get(text)
        if meaning is None:
            self.counts.strange += 1
        elif chat.waits and chat.waits[0][0] == meaning:
            self.seconds.append(time.perf_counter() - chat.waits.popleft()[1])
        elif (late := next((each for each in chat.waits if each[0] == meaning), None)) is not None:
            self.counts.out_of_order += 1
            chat.waits.remove(late)
        else:
            self.counts.doubled += 1


def _shown(chat: Chat) -> dict[str, Any]:
    return {"id": chat.id, "type": "private", "first_name": chat.user["first_name"], "username": chat.user["username"]}


def _buttons(chat: Chat) -> list[list[dict[str, Any]]]:
    rows: list[list[dict[str, Any]]] = chat.screen["reply_markup"]["inline_keyboard"] if chat.screen else []
    return rows


def _variants(chat: Chat) -> list[dict[str, Any]]:
    """The buttons of the card's variants, of which one is marked; none if the screen shows no card."""
    row = _buttons(chat)[0]
    return row if any(button["text"].startswith("✓") for button in row) else []


def _other(chat: Chat) -> dict[str, Any]:
    return next(button for button in _variants(chat) if not button["text"].startswith("✓"))


def _place(button: dict[str, Any]) -> int:
    """A number for what the button leads to that no word of SAID has."""
    return 100 + sum(map(ord, button["text"].removeprefix("✓").strip()))
