"""The chats in a folder, so that a restarted emulator shows the same phones.

`state.json` holds people, chats, bots' commands and updates not taken yet; `files/` holds each content once. Tokens
and webhooks are not kept: bots are registered by whoever starts the emulator, and set their webhook themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from pathlib import Path

import orjson

from emulators.telegram.cloud import Account, Cloud
from emulators.telegram.files import StoredFile
from emulators.telegram.updates import Update
from emulators.telegram.world import Chat, Json, Person

EVERY = 1.0
"""Seconds between looks at whether there is something new to keep."""
CHAT_FIELDS = ("messages", "next_message_id", "started", "blocked", "keyboard", "keyboard_from", "unread")
FORMAT = 1


class Snapshot:
    """Keeps one cloud in one folder."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self._cloud = cloud
        self._folder = folder
        self._kept_files: set[str] = set()
        self._kept: tuple[int, ...] = ()
        self._task: asyncio.Task[None] | None = None

    def restore(self) -> None:
        """Take up what the folder holds; nothing if there is none. Chats of bots that are not registered stay out."""
        path = self._folder / "state.json"
        if not path.exists():
            return
        state = orjson.loads(path.read_bytes())
        if state["format"] != FORMAT:
            return
        for person in state["people"]:
            if person["id"] not in self._cloud.world.people:
                self._cloud.add_person(Person(**person))
        for description in state["files"]:
            content = (self._folder / "files" / description["file_id"]).read_bytes()
            self._cloud.files.keep(StoredFile(content=content, **description))
            self._kept_files.add(description["file_id"])
        for kept in state["bots"]:
            if kept["id"] in self._cloud.world.bots:
                _restore_account(self._cloud.account(kept["id"]), kept)
        for kept in state["chats"]:
            if kept["bot"] in self._cloud.world.bots:
                _restore_chat(self._cloud.world.chat(kept["bot"], kept["person"]), kept)
        self._kept = self._look()

    def begin(self) -> None:
        """Keep what is new every second from now on."""
        self._task = asyncio.create_task(self._keep())

    async def end(self) -> None:
        """Stop, having kept everything."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.save()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            if self._look() != self._kept:
                self.save()

    def _look(self) -> tuple[int, ...]:
        """Numbers that change with everything worth keeping."""
        queues = [account.queue for account in self._cloud.accounts.values()]
        feeds = self._cloud.world.feeds.values()
        return (sum(feed.number for feed in feeds), *(len(queue.pending) for queue in queues), len(feeds))

    def save(self) -> None:
        """Write everything that changed; a crash in between leaves the former state whole."""
        files = self._folder / "files"
        files.mkdir(parents=True, exist_ok=True)
        self._kept = self._look()
        state = self._state()
        for stored in [*self._cloud.files.by_id.values()]:
            if stored.file_id not in self._kept_files:
                _write_whole(files / stored.file_id, stored.content)
                self._kept_files.add(stored.file_id)
        _write_whole(self._folder / "state.json", orjson.dumps(state, option=orjson.OPT_NON_STR_KEYS))

    def _state(self) -> Json:
        cloud = self._cloud
        return {
            "format": FORMAT,
            # What a person shows of himself is no JSON, and who is given to the emulator brings his own.
            "people": [
                {name: fact for name, fact in dataclasses.asdict(person).items() if name != "portrait"}
                for person in cloud.world.people.values()
            ],
            "bots": [_kept_account(account) for account in cloud.accounts.values()],
            "chats": [
                {"bot": bot_id, "person": person_id, **{name: getattr(chat, name) for name in CHAT_FIELDS}}
                for (bot_id, person_id), chat in cloud.world.chats.items()
                if chat.started
            ],
            "files": [
                {each.name: getattr(stored, each.name) for each in dataclasses.fields(stored) if each.name != "content"}
                for stored in cloud.files.by_id.values()
            ],
        }


def _kept_account(account: Account) -> Json:
    return {
        "id": account.bot.id,
        "commands": account.bot.commands,
        "next_update_id": account.queue.next_id,
        "pending": [dataclasses.asdict(update) for update in account.queue.pending.values()],
    }


def _restore_account(account: Account, kept: Json) -> None:
    account.bot.commands = kept["commands"]
    account.queue.next_id = kept["next_update_id"]
    account.queue.pending.update((each["id"], Update(**each)) for each in kept["pending"])


def _restore_chat(chat: Chat, kept: Json) -> None:
    for name in CHAT_FIELDS:
        setattr(chat, name, kept[name])
    chat.messages = {int(message_id): message for message_id, message in kept["messages"].items()}


def _write_whole(path: Path, content: bytes) -> None:
    """The file has either its former content or this one, whatever happens."""
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
