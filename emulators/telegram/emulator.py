"""The emulator as one object: built with bots and people, served over HTTP, played from tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from emulators.telegram import bot_api, control
from emulators.telegram.cloud import Cloud, Settings
from emulators.telegram.phones import Phone
from emulators.telegram.served import Served
from emulators.telegram.world import Bot, Person


class TelegramEmulator(Served[Cloud, Phone]):
    """A Bot API server with its people.

    In a test::

        emulator = TelegramEmulator(bots=[Bot("42:TEST")], people=[Person(7, "Анна", phone="+79000000007")])
        base_url = await emulator.start()
        phone = emulator.phone(7)
        phone.start()
        await phone.wait_for_text("Здравствуйте")
        await emulator.stop()
    """

    key = bot_api.CLOUD
    routes = (*bot_api.ROUTES, *control.ROUTES)
    phone_of = Phone

    def __init__(
        self,
        bots: Iterable[Bot] = (),
        people: Iterable[Person] = (),
        *,
        journal: Path | None = None,
        snapshot: Path | None = None,
        settings: Settings | None = None,
    ) -> None:
        cloud = Cloud(settings or Settings(journal=journal, snapshot=snapshot))
        for bot in bots:
            cloud.add_bot(bot)
        super().__init__(cloud, people)

    @property
    def base_url(self) -> str:
        """The address, which stands for https://api.telegram.org."""
        return self.address

    def add_bot(self, bot: Bot) -> None:
        self.cloud.add_bot(bot)

    def _resume(self) -> None:
        for account in self.cloud.accounts.values():
            account.postman.resume()

    async def _let_go(self) -> None:
        for account in self.cloud.accounts.values():
            account.queue.release_poller()
            await account.postman.pause()
