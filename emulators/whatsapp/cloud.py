"""What Meta's servers hold: the world of people and chats, files, and each number with its events."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from emulators.telegram import cloud as telegram
from emulators.telegram.cloud import Bucket
from emulators.telegram.files import StoredFile
from emulators.telegram.world import Bot, Chat, Json, Person
from emulators.whatsapp.errors import ApiError
from emulators.whatsapp.templates import Template
from emulators.whatsapp.webhook import Postman

PAIR_EVERY, PAIR_BURST = 6.0, 45
"""One message in six seconds to one person; so many may be borrowed at once.
Source: https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits"""

WINDOW = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Settings(telegram.Settings):
    """How the emulator behaves. `webhook_pace` scales the pauses between deliveries, `bot_rate` is how many messages a
    number may send each second when `flood_limits` are on. `window` is how many seconds free words are taken after a
    person's own; where they are not, a status says so, or with `refuses_at_once` the call itself. So many events
    may come `together` in one call."""

    bot_rate: int = 80
    window: float = WINDOW
    refuses_at_once: bool = False
    together: int = 10


@dataclass(slots=True)
class Number:
    """A telephone number that a business speaks with. `about` is what an empty chat shows."""

    id: int
    """What the API calls it."""
    phone: str
    token: str = field(repr=False)
    app_secret: str = field(repr=False)
    business: int = 0
    """The business account that it belongs to."""
    name: str = ""
    about: str = ""
    templates: tuple[Template, ...] = ()
    catalog: int = 0
    goods: tuple[tuple[str, str, float, str], ...] = ()
    """(retailer id, title, price, currency) of what the catalogue shows."""
    rights: frozenset[str] = frozenset({"whatsapp_business_messaging", "whatsapp_business_management"})

    def bot(self) -> Bot:
        """As the phone page knows it."""
        return Bot(f"{self.id}:{self.token}", name=self.name or self.phone, username=self.digits, about=self.about)

    @property
    def digits(self) -> str:
        return "".join(char for char in self.phone if char.isdigit())


def digits_of(person: Person) -> str:
    """What WhatsApp calls a person."""
    return "".join(char for char in person.phone if char.isdigit())


def user_id_of(person: Person) -> str:
    """What a person is called towards one business alone; it stays when he hides his number.
    Source: https://developers.facebook.com/docs/whatsapp/business-scoped-user-ids"""
    return f"RU.{person.id * 7919 + 10**15}"


def contact_of(person: Person) -> Json:
    """Who a webhook is about."""
    return {"profile": {"name": person.name}, "wa_id": digits_of(person), "user_id": user_id_of(person)}


class Account:
    """A number as the servers know it."""

    def __init__(self, number: Number, cloud: Cloud) -> None:
        self.number = number
        self.subscribed = False
        self.postman = Postman(number.app_secret, faults=cloud.faults, pace=cloud.settings.webhook_pace, cloud=cloud)
        self.opaque: dict[str, str] = {}
        """What a shop wants to hear again with everything about a message of it."""
        self._settings = cloud.settings
        self._bucket = Bucket(cloud.settings.bot_rate, cloud.settings.bot_rate)
        self._pairs: dict[int, Bucket] = {}

    def check_rate(self, chat: Chat) -> None:
        """Raise 130429 or 131056 if the number sends faster than it may."""
        if not self._settings.flood_limits:
            return
        if self._bucket.wait():
            raise ApiError(130429, "Message failed to send because there were too many messages sent from this number")
        pair = self._pairs.setdefault(chat.person.id, Bucket(1 / PAIR_EVERY, PAIR_BURST))
        if pair.wait():
            raise ApiError(131056, "Too many messages sent from the sender to the same recipient")

    @property
    def metadata(self) -> Json:
        return {"display_phone_number": self.number.digits, "phone_number_id": str(self.number.id)}


class Cloud(telegram.Cloud):
    """The servers. What the phone page shows of them is what it shows of Telegram's."""

    look = "whatsapp"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.window = settings.window
        self.refuses_at_once = settings.refuses_at_once
        self.together = settings.together
        self.numbers: dict[int, Account] = {}
        self.media: dict[str, tuple[str, str, int]] = {}
        """id → (our file, its type, the number that it belongs to)"""
        self.refusals: list[Refusal] = []
        self._watched: set[tuple[int, int]] = set()

    def add_number(self, number: Number) -> Account:
        """Register a number; one that is known keeps its account."""
        known = self.numbers.get(number.id)
        if known is not None:
            return known
        self.world.bots[number.id] = number.bot()
        account = self.numbers[number.id] = Account(number, self)
        return account

    def person(self, wa_id: str) -> Person | None:
        """Who has this number and is on WhatsApp."""
        digits = "".join(char for char in wa_id if char.isdigit())
        return next((each for each in self.world.people.values() if digits and digits_of(each) == digits), None)

    def keep_media(self, file_id: str, mime: str, number_id: int) -> str:
        media_id = str(secrets.randbelow(9 * 10**15) + 10**15)
        self.media[media_id] = (file_id, mime, number_id)
        return media_id

    def document(self, file: StoredFile, part: Json) -> Json:
        """A file as a document of this name, whatever it is."""
        return {
            "file_id": file.file_id,
            "file_unique_id": file.unique_id,
            "file_name": str(part.get("filename") or file.file_name or "file"),
            "mime_type": file.mime_type,
            "file_size": len(file.content),
        }

    @staticmethod
    def unsupported() -> Json:
        """What stands in the place of a message that the API does not carry."""
        details = {"details": "Message type is currently not supported."}
        return {
            "code": 131051,
            "title": "Message type unknown",
            "message": "Message type unknown",
            "error_data": details,
        }

    def is_open(self, chat: Chat) -> bool:
        """Whether free words are taken: the person wrote less than a day ago."""
        said = [each["date"] for each in chat.messages.values() if not each["from"]["is_bot"]]
        return bool(said) and time.time() - said[-1] < self.window

    def goods_of(self, chat: Chat) -> Sequence[tuple[str, str, float, str]]:
        return self.numbers[chat.bot.id].number.goods

    def taken(self, wamid: str) -> None:
        """The shop has a person's message: the phone shows it."""
        for chat in self.world.chats.values():
            for message in reversed(chat.messages.values()):
                if message.get("wa", {}).get("id") == wamid:
                    if message.get("ticks") == "sent":
                        message["ticks"] = "taken"
                        chat.changed("edited", message["message_id"])
                    return

    def watch(self, account: Account, chat: Chat) -> None:
        """Tell the shop when the person has read its messages."""
        name = (account.number.id, chat.person.id)
        if name not in self._watched:
            self._watched.add(name)
            chat.watchers.append(lambda: self._look(account, chat))

    def _look(self, account: Account, chat: Chat) -> None:
        if chat.unread:
            return
        for message in [*chat.messages.values()]:
            if message.get("wa", {}).get("fate") == "delivered":
                self.tell_status(account, chat, message, "read")

    def tell_status(
        self, account: Account, chat: Chat, message: Json, fate: str, error: ApiError | None = None
    ) -> None:
        """Bring what became of a message to the shop."""
        held: Json = message["wa"]
        held["fate"] = fate
        status: Json = {
            "id": held["id"],
            "status": fate,
            "timestamp": str(int(time.time())),
            "recipient_id": digits_of(chat.person),
            "recipient_user_id": user_id_of(chat.person),
        }
        if opaque := account.opaque.get(held["id"]):
            status["biz_opaque_callback_data"] = opaque
        if error is not None:
            status["errors"] = [error.in_status()]
        else:
            status["pricing"] = {"billable": True, "pricing_model": "PMP", "category": held.get("category", "service")}
        account.postman.post({"contacts": [contact_of(chat.person)], "statuses": [status]}, lane=chat.person.id)


@dataclass(slots=True)
class Refusal:
    """The next `times` fitting calls are refused with this code."""

    code: int
    times: int = 1
    methods: frozenset[str] = frozenset()


def new_wamid(digits: str) -> str:
    """A message's name: nobody reads anything out of it."""
    inside = b"\x1d\x07\x15\x0b" + digits.encode() + b"\x15\x02\x00\x11\x18\x12" + secrets.token_hex(9).upper().encode()
    return f"wamid.{base64.b64encode(inside).decode()}"
