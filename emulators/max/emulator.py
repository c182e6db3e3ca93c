"""The emulator as one object: built with bots and people, served over HTTP, played from tests."""

from __future__ import annotations

from collections.abc import Iterable

from emulators.max import api, uploads
from emulators.max.cloud import Cloud, MaxBot, Settings
from emulators.max.keys import CLOUD
from emulators.max.phones import Phone
from emulators.telegram.served import Served
from emulators.telegram.world import Person


class MaxEmulator(Served[Cloud, Phone]):
    """The platform API with its people.

    In a test::

        emulator = MaxEmulator([MaxBot(77, "a token of the test")], [Person(7, "Анна", phone="+79000000007")])
        address = await emulator.start()
        phone = emulator.phone(7)
        phone.start()
        await phone.wait_for_text("Здравствуйте")
        await emulator.stop()
    """

    key = CLOUD
    routes = (*api.ROUTES, *uploads.ROUTES)
    phone_of = Phone

    def __init__(
        self, bots: Iterable[MaxBot] = (), people: Iterable[Person] = (), *, settings: Settings | None = None
    ) -> None:
        cloud = Cloud(settings or Settings())
        for bot in bots:
            cloud.register(bot)
        super().__init__(cloud, people)

    def _resume(self) -> None:
        for account in self.cloud.bots.values():
            account.log.stopping = False

    async def _let_go(self) -> None:
        for account in self.cloud.bots.values():
            account.log.stopping = True
            account.log.wake()
            await account.postman.stop()
