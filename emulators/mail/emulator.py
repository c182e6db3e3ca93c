"""The emulator as one object: mailboxes behind IMAP and SMTP, and the page of a mail program."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import orjson
from aiohttp import web

from emulators.mail import imap, smtp
from emulators.mail.page import routes as page
from emulators.mail.program import Program
from emulators.mail.world import Account, Plan, Trouble, World


class MailEmulator:
    """A mail service and its people.

    In a test::

        mail = MailEmulator([Account("shop@clay.example", password="…")], [Account("anna@mail.example", "Анна")])
        await mail.start()
        anna = mail.program("anna@mail.example")
        anna.write("Здравствуйте")
        await mail.stop()

    The first of `shops` is the one that people write to. Nothing but what is in these mailboxes is ever reached.
    """

    def __init__(self, shops: Iterable[Account], people: Iterable[Account], *, snapshot: Path | None = None) -> None:
        self.shops, self.people = tuple(shops), tuple(people)
        self.world = World((*self.shops, *self.people))
        self._imap, self._smtp = imap.Server(self.world), smtp.Server(self.world)
        self._snapshot = snapshot
        self._runner: web.AppRunner | None = None
        self._host = "127.0.0.1"
        self.ports = (0, 0)
        """Of IMAP and SMTP; a stopped emulator comes back on the same."""
        if snapshot is not None and snapshot.exists():
            self.world.load(orjson.loads(snapshot.read_bytes()))
            # What a later run leaves behind is kept when it ends in order; else its mailboxes are numbered anew.
            snapshot.unlink()

    async def start(self, host: str = "127.0.0.1", imap_port: int = 0, smtp_port: int = 0) -> None:
        """Open both servers; port 0 takes a free one."""
        self._host = host
        known = self.ports
        self.ports = (
            await self._imap.start(host, imap_port or known[0]),
            await self._smtp.start(host, smtp_port or known[1]),
        )

    async def serve_page(self, host: str, port: int) -> None:
        """The mail program, for a browser."""
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=30_000_000)
        app[page.MAIL] = self
        app.add_routes(page.ROUTES)
        return app

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._imap.stop()
        await self._smtp.stop()
        if self._snapshot is not None:
            self._snapshot.parent.mkdir(parents=True, exist_ok=True)
            half = self._snapshot.with_suffix(".half")
            half.write_bytes(orjson.dumps(self.world.dump()))
            os.replace(half, self._snapshot)

    def servers_of(self, address: str, folder: str = "INBOX") -> str:
        """How a mailbox is reached, in one line."""
        return f"{address} imap://{self._host}:{self.ports[0]}/{folder} smtp://{self._host}:{self.ports[1]}"

    def program(self, address: str) -> Program:
        """The mail program of this person."""
        return Program(self.world, self.world.mailboxes[address], self.shops[0].address)

    def plan(self, trouble: Trouble, *, times: int = 1) -> None:
        """Let the next letters that are handed over meet this."""
        self.world.plans.append(Plan(trouble, times))

    def cut(self) -> None:
        """Break the connections of everybody who reads a mailbox."""
        self._imap.cut()
