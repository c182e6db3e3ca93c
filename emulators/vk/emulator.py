"""The emulator as one object: built with communities and people, served over HTTP, played from tests."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from emulators.telegram import bot_api
from emulators.telegram.faults import Fault, Faults, Trouble
from emulators.telegram.parameters import UPLOAD_LIMIT
from emulators.telegram.phone_page import routes as phone_page
from emulators.telegram.snapshot import Snapshot
from emulators.telegram.world import Chat, Person
from emulators.vk import api, longpoll, uploads
from emulators.vk.cloud import Cloud, Community, Refusal, Settings
from emulators.vk.keys import CLOUD
from emulators.vk.phones import Phone

ROOM_FOR_FORM = 1024 * 1024


class VkEmulator:
    """VK's API for communities with its people.

    In a test::

        emulator = VkEmulator([Community(77, "token")], [Person(7, "Анна")])
        address = await emulator.start()
        phone = emulator.phone(7)
        phone.start()
        await phone.wait_for_text("Здравствуйте")
        await emulator.stop()
    """

    def __init__(
        self, communities: Iterable[Community] = (), people: Iterable[Person] = (), *, settings: Settings | None = None
    ) -> None:
        settings = settings or Settings()
        self.cloud = Cloud(settings)
        for community in communities:
            self.cloud.add_community(community)
        for person in people:
            self.cloud.add_person(person)
        self._snapshot = Snapshot(self.cloud, settings.snapshot) if settings.snapshot else None
        if self._snapshot is not None:
            self._snapshot.restore()
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        app = web.Application(client_max_size=UPLOAD_LIMIT + ROOM_FOR_FORM)
        app[CLOUD] = app[bot_api.CLOUD] = self.cloud
        app[phone_page.PHONE] = self._phone
        app.add_routes(api.ROUTES)
        app.add_routes(uploads.ROUTES)
        app.add_routes(longpoll.ROUTES)
        app.add_routes(phone_page.ROUTES)
        app.on_startup.append(self._start_up)
        app.on_shutdown.append(self._shut_down)
        app.on_cleanup.append(self._clean_up)
        return app

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Serve; port 0 takes a free one. Gives the address, which stands for https://api.vk.com.

        A stopped emulator may be started again, as a server that was away: its dialogs and callback servers are there.
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

    def phone(self, person_id: int, community_id: int | None = None) -> Phone:
        """The dialog of this person with this community; with the first one if none is named."""
        if community_id is None:
            community_id = next(iter(self.cloud.world.bots))
        return self._phone(self.cloud.world.chat(community_id, person_id))

    def _phone(self, chat: Chat) -> Phone:
        return Phone(self.cloud, chat)

    @property
    def faults(self) -> Faults:
        return self.cloud.faults

    def plan(
        self,
        trouble: Trouble,
        *,
        times: int = 1,
        methods: Iterable[str] = (),
        peer_id: int | None = None,
        after: bool = False,
        seconds: float = 60.0,
    ) -> None:
        """Let the next `times` fitting calls meet this trouble: an error 6 or 10, a bad gateway, silence, a reset."""
        names = frozenset(method.lower() for method in methods)
        self.faults.planned.append(Fault(trouble, times, names, peer_id, after, 1, seconds))

    def refuse(self, code: int, *, times: int = 1, methods: Iterable[str] = (), peer_id: int | None = None) -> None:
        """Refuse the next `times` fitting calls with this code of VK."""
        self.cloud.refusals.append(Refusal(code, times, frozenset(methods), peer_id))

    @property
    def counters(self) -> dict[str, int]:
        """How many calls (`calls`, `calls_messages.send`), events, faults there were."""
        return dict(self.cloud.counters)

    async def _start_up(self, app: web.Application) -> None:
        self.cloud.stopping.clear()
        if self._snapshot is not None:
            self._snapshot.begin()

    async def _shut_down(self, app: web.Application) -> None:
        self.cloud.stopping.set()
        for feed in self.cloud.world.feeds.values():
            feed.wake()
        for account in self.cloud.communities.values():
            account.log.wake()
            await account.postman.stop()

    async def _clean_up(self, app: web.Application) -> None:
        if self._snapshot is not None:
            await self._snapshot.end()
        if self.cloud.journal is not None:
            self.cloud.journal.close()
