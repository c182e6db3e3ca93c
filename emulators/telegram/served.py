"""An emulator as one object, whichever messenger it stands for: its cloud over HTTP, with the phone page and all that
tests plan for it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from aiohttp import web

from emulators.telegram import bot_api
from emulators.telegram.cloud import Cloud
from emulators.telegram.faults import Fault, Faults, Trouble
from emulators.telegram.parameters import UPLOAD_LIMIT
from emulators.telegram.phone_page import routes as phone_page
from emulators.telegram.phones import Phone
from emulators.telegram.snapshot import Snapshot
from emulators.telegram.world import Chat, Person

ROOM_FOR_FORM = 1024 * 1024

C = TypeVar("C", bound=Cloud)
P = TypeVar("P", bound=Phone)


class Served(Generic[C, P]):
    """`key` is where the application keeps its cloud, `routes` are the service's own addresses, `phone_of` makes what a
    person holds in his hand."""

    key: ClassVar[web.AppKey[Any]]
    routes: ClassVar[Sequence[web.AbstractRouteDef]]
    phone_of: ClassVar[Any]

    def __init__(self, cloud: C, people: Iterable[Person]) -> None:
        """`cloud` knows its bots; what a snapshot holds of others stays out."""
        self.cloud = cloud
        for person in people:
            cloud.add_person(person)
        folder = cloud.settings.snapshot
        self._snapshot = Snapshot(cloud, folder) if folder else None
        if self._snapshot is not None:
            self._snapshot.restore()
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        """The whole emulator for aiohttp: the API, files, the phone page."""
        app = web.Application(client_max_size=UPLOAD_LIMIT + ROOM_FOR_FORM)
        cloud: Cloud = self.cloud
        phones: Callable[[Chat], Phone] = self._phone
        app[self.key] = cloud
        app[bot_api.CLOUD] = cloud
        app[phone_page.PHONE] = phones
        app.add_routes([*self.routes, *phone_page.ROUTES])
        app.on_startup.append(self._start_up)
        app.on_shutdown.append(self._shut_down)
        app.on_cleanup.append(self._clean_up)
        return app

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Serve; port 0 takes a free one. Gives the address, which stands for the service's. Nothing is logged per
        request: paths may carry tokens.

        A stopped emulator may be started again, as a server that was away: everything is as it was, webhooks included.
        """
        runner = self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        self.cloud.origin = f"http://{host}:{runner.addresses[0][1]}"
        return self.cloud.origin

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def address(self) -> str:
        return self.cloud.origin

    def add_person(self, person: Person) -> None:
        self.cloud.add_person(person)

    def phone(self, person_id: int, bot_id: int | None = None) -> P:
        """The chat of this person with this bot; with the first registered one if none is named."""
        if bot_id is None:
            bot_id = next(iter(self.cloud.world.bots))
        return self._phone(self.cloud.world.chat(bot_id, person_id))

    def _phone(self, chat: Chat) -> P:
        phone: P = self.phone_of(self.cloud, chat)
        return phone

    @property
    def faults(self) -> Faults:
        return self.cloud.faults

    def plan(
        self,
        trouble: Trouble,
        *,
        times: int = 1,
        methods: Iterable[str] = (),
        chat_id: int | None = None,
        after: bool = False,
        retry_after: int = 1,
        seconds: float = 60.0,
    ) -> None:
        """Let the next `times` fitting calls meet this trouble; see Fault. Methods have the documentation's names."""
        names = frozenset(method.lower() for method in methods)
        self.faults.planned.append(Fault(trouble, times, names, chat_id, after, retry_after, seconds))

    def seed(self, number: int) -> None:
        """Make all chance repeatable."""
        self.faults.dice = random.Random(number)  # noqa: S311 - chance, not secrecy

    @property
    def counters(self) -> dict[str, int]:
        """How many calls (`calls`, `calls_<method>` in small letters), updates, faults there were since the start."""
        return dict(self.cloud.counters)

    def _resume(self) -> None:
        """Events are brought again."""

    async def _let_go(self) -> None:
        """Nobody waits for an event any more, and none is brought."""

    async def _start_up(self, app: web.Application) -> None:
        self.cloud.stopping.clear()
        if self._snapshot is not None:
            self._snapshot.begin()
        self._resume()

    async def _shut_down(self, app: web.Application) -> None:
        """Let go of everybody who waits, so that the server can stop at once."""
        self.cloud.stopping.set()
        for feed in self.cloud.world.feeds.values():
            feed.wake()
        await self._let_go()

    async def _clean_up(self, app: web.Application) -> None:
        if self._snapshot is not None:
            await self._snapshot.end()
        if self.cloud.journal is not None:
            self.cloud.journal.close()
