"""The emulator as one object: built with communities and people, served over HTTP, played from tests."""

from __future__ import annotations

from collections.abc import Iterable

from emulators.telegram.served import Served
from emulators.telegram.world import Person
from emulators.vk import api, longpoll, uploads
from emulators.vk.cloud import Cloud, Community, Refusal, Settings
from emulators.vk.keys import CLOUD
from emulators.vk.phones import Phone


class VkEmulator(Served[Cloud, Phone]):
    """VK's API for communities with its people.

    In a test::

        emulator = VkEmulator([Community(77, "token")], [Person(7, "Анна")])
        address = await emulator.start()
        phone = emulator.phone(7)
        phone.start()
        await phone.wait_for_text("Здравствуйте")
        await emulator.stop()
    """

    key = CLOUD
    routes = (*api.ROUTES, *uploads.ROUTES, *longpoll.ROUTES)
    phone_of = Phone

    def __init__(
        self, communities: Iterable[Community] = (), people: Iterable[Person] = (), *, settings: Settings | None = None
    ) -> None:
        cloud = Cloud(settings or Settings())
        for community in communities:
            cloud.add_community(community)
        super().__init__(cloud, people)

    def refuse(self, code: int, *, times: int = 1, methods: Iterable[str] = (), peer_id: int | None = None) -> None:
        """Refuse the next `times` fitting calls with this code of VK."""
        self.cloud.refusals.append(Refusal(code, times, frozenset(methods), peer_id))

    async def _let_go(self) -> None:
        for account in self.cloud.communities.values():
            account.log.wake()
            await account.postman.stop()
