"""The emulator as one object: built with numbers and people, served over HTTP, played from tests."""

from __future__ import annotations

from collections.abc import Iterable

from emulators.telegram.served import Served
from emulators.telegram.world import Person
from emulators.whatsapp import api, media
from emulators.whatsapp.cloud import Account, Cloud, Number, Refusal, Settings
from emulators.whatsapp.keys import CLOUD
from emulators.whatsapp.phones import Phone


class WhatsAppEmulator(Served[Cloud, Phone]):
    """The Cloud API with its people.

    In a test::

        number = Number(10077, "+79000000077", "token", "secret of the app", business=20077)
        emulator = WhatsAppEmulator([number], [Person(7, "Анна", phone="+79000000007")])
        address = await emulator.start()
        phone = emulator.phone(7)
        phone.say("Есть кружки?")
        await phone.wait_for_text("Есть")
        await emulator.stop()
    """

    key = CLOUD
    routes = (*api.ROUTES, *media.ROUTES)
    phone_of = Phone

    def __init__(
        self, numbers: Iterable[Number] = (), people: Iterable[Person] = (), *, settings: Settings | None = None
    ) -> None:
        cloud = Cloud(settings or Settings())
        for number in numbers:
            account = cloud.add_number(number)
            account.postman.account = account
        super().__init__(cloud, people)

    def account(self, number_id: int) -> Account:
        return self.cloud.numbers[number_id]

    def refuse(self, code: int, *, times: int = 1, methods: Iterable[str] = ("messages",)) -> None:
        """Refuse the next `times` fitting calls with this code of WhatsApp's."""
        self.cloud.refusals.append(Refusal(code, times, frozenset(methods)))

    def let_time_pass(self, person_id: int, seconds: float) -> None:
        """All that this person's chats hold was said so much earlier."""
        for (_number, owner), chat in self.cloud.world.chats.items():
            if owner == person_id:
                for message in chat.messages.values():
                    message["date"] -= int(seconds)

    def _resume(self) -> None:
        for account in self.cloud.numbers.values():
            account.postman.resume()

    async def _let_go(self) -> None:
        for account in self.cloud.numbers.values():
            await account.postman.stop()
