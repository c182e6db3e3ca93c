"""Mailboxes, their letters, and the way from one to another."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from emulators.mail import reports


class Trouble(StrEnum):
    """What may happen to one letter that is handed over."""

    FOR_NOW = "refused for now"
    TOO_FAST = "refused for haste"
    REFUSED = "refused for good"
    BLOCKED = "the reader takes nothing from us"
    CUT = "the connection breaks before the letter is taken"
    SILENT = "the letter is taken and the connection breaks"
    NONSENSE = "the letter is taken and the answer makes no sense"


@dataclass(frozen=True, slots=True)
class Account:
    """A mailbox and whose it is. Who is not `listed` has no tab on the page."""

    address: str
    name: str = ""
    password: str = field(default="", repr=False)
    language: str = "ru"
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter in one mailbox. `sent` by its owner, else received."""

    uid: int
    source: bytes = field(repr=False)
    at: float
    sent: bool = False


class Mailbox:
    """What the owner received, numbered as IMAP does, and what he sent."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.validity = int(time.time())
        self.next_uid = 1
        self.letters: list[Letter] = []
        self.seen: set[int] = set()
        self.fetched = 0
        """The largest number that a program has asked for after."""
        self.watchers: list[Callable[[], None]] = []

    @property
    def inbox(self) -> list[Letter]:
        return [letter for letter in self.letters if not letter.sent]

    def add(self, source: bytes, *, sent: bool = False) -> Letter:
        letter = Letter(self.next_uid, source, time.time(), sent)
        self.next_uid += 1
        self.letters.append(letter)
        for watcher in tuple(self.watchers):
            watcher()
        return letter

    def number_anew(self) -> None:
        """As after a move to another server: the same letters under other numbers."""
        self.validity += 1
        self.next_uid = 1
        old, self.letters = self.letters, []
        for letter in old:
            self.letters.append(Letter(self.next_uid, letter.source, letter.at, letter.sent))
            self.next_uid += 1
        for watcher in tuple(self.watchers):
            watcher()


@dataclass(slots=True)
class Plan:
    trouble: Trouble
    times: int = 1


@dataclass(slots=True)
class Chances:
    """What happens by itself, from 0 to 1: to each letter that is handed over, and to a connection at each command:
    it is `cut`, or it is `silent` for `hang` seconds and cut then. `latency` is seconds that each command takes.
    All chance comes from `dice`, so a seed repeats a run; `met` counts what happened.
    """

    letters: dict[Trouble, float] = field(default_factory=dict)
    cut: float = 0.0
    silent: float = 0.0
    hang: float = 2.0
    latency: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - chance, not secrecy
    met: Counter[str] = field(default_factory=Counter)

    def letter(self) -> Trouble | None:
        for trouble, chance in self.letters.items():
            if chance and self.dice.random() < chance:
                self.met[trouble] += 1
                return trouble
        return None

    async def breaks(self) -> bool:
        """Let a command take its time. Whether its connection is to be cut instead of answered."""
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.silent and self.dice.random() < self.silent:
            self.met["silent connection"] += 1
            await asyncio.sleep(self.hang)
            return True
        if self.cut and self.dice.random() < self.cut:
            self.met["cut connection"] += 1
            return True
        return False


UNANSWERED = frozenset({Trouble.SILENT, Trouble.NONSENSE})


class World:
    """Every mailbox of the service. Letters to domains that it does not know are taken and come back."""

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        self.mailboxes: dict[str, Mailbox] = {account.address: Mailbox(account) for account in accounts}
        self.plans: list[Plan] = []
        self.chances = Chances()
        self.taken = 0
        """Letters that were handed over, whatever became of them."""
        self.late = 0.0
        """Seconds by which every second letter is overtaken by others."""
        self.unheard: set[tuple[str, int]] = set()
        """(address, number) of letters that arrived while whoever handed them over got no answer that made sense."""

    def settle_in(self, account: Account) -> Mailbox:
        """A mailbox for somebody new."""
        return self.mailboxes.setdefault(account.address, Mailbox(account))

    def mailbox(self, address: str) -> Mailbox | None:
        """Also that of an address with a tag behind a plus."""
        local, _, domain = address.strip("<> ").lower().partition("@")
        return self.mailboxes.get(f"{local}@{domain}") or self.mailboxes.get(f"{local.partition('+')[0]}@{domain}")

    def knows_domain_of(self, address: str) -> bool:
        domain = address.rpartition("@")[2].lower()
        return any(known.rpartition("@")[2] == domain for known in self.mailboxes)

    def may_log_in(self, address: str, password: str) -> bool:
        box = self.mailboxes.get(address.lower())
        return box is not None and bool(box.account.password) and box.account.password == password

    def deliver(self, sender: str, recipients: list[str], source: bytes, *, answered: bool = True) -> None:
        """Put the letter into every mailbox that there is; one that cannot arrive comes back to its sender."""
        self.taken += 1
        for address in recipients:
            box = self.mailbox(address)
            if box is not None and self.late and self.taken % 2:
                asyncio.get_running_loop().call_later(self.late, box.add, _with_path(sender, source))
            elif box is not None:
                arrived = box.add(_with_path(sender, source))
                if not answered:
                    self.unheard.add((box.account.address, arrived.uid))
            elif (back := self.mailbox(sender)) is not None:
                back.add(_with_path("", reports.returned(sender, address, source)))

    def trouble(self) -> Trouble | None:
        """What the next letter meets: what was planned, which is used up, else what comes by chance."""
        if not self.plans:
            return self.chances.letter()
        plan = self.plans[0]
        plan.times -= 1
        if plan.times <= 0:
            self.plans.pop(0)
        return plan.trouble

    # From one run to the next

    def dump(self) -> dict[str, Any]:
        return {
            address: {
                "validity": box.validity,
                "next_uid": box.next_uid,
                "seen": sorted(box.seen),
                "letters": [[e.uid, base64.b64encode(e.source).decode(), e.at, e.sent] for e in box.letters],
            }
            for address, box in self.mailboxes.items()
        }

    def load(self, kept: dict[str, Any]) -> None:
        for address, told in kept.items():
            if (box := self.mailboxes.get(address)) is not None:
                box.validity, box.next_uid, box.seen = told["validity"], told["next_uid"], set(told["seen"])
                box.letters = [Letter(uid, base64.b64decode(s), at, sent) for uid, s, at, sent in told["letters"]]


def _with_path(sender: str, source: bytes) -> bytes:
    """As the last server hands it over. Source: https://www.rfc-editor.org/rfc/rfc5321#section-4.4"""
    return f"Return-Path: <{sender.strip('<> ')}>\r\n".encode() + source
