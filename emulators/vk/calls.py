"""One call of a method and the readings that many share. Everything comes as text: a number, `1`, `a,b`, or JSON.

Source: https://dev.vk.com/api/api-requests
"""

from __future__ import annotations

from dataclasses import dataclass

from emulators.telegram.parameters import Parameters
from emulators.telegram.world import Chat, Json
from emulators.vk.cloud import Account, Cloud
from emulators.vk.errors import ApiError, wrong


@dataclass(slots=True)
class Call:
    cloud: Cloud
    account: Account
    parameters: Parameters
    origin: str
    """Where this server is reached, for the addresses that it gives."""

    def text(self, name: str) -> str:
        return self.parameters.text(name)

    def number(self, name: str, default: int = 0) -> int:
        value = self.parameters.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise wrong(f"{name} not integer") from None

    def needed(self, name: str) -> str:
        if not self.parameters.has(name):
            raise wrong(f"{name} is undefined")
        return self.text(name)

    def numbers(self, name: str) -> list[int]:
        try:
            return [int(each) for each in self.text(name).split(",") if each.strip()]
        except ValueError:
            raise wrong(f"{name} should be a list of integers") from None

    def flag(self, name: str) -> bool:
        return self.parameters.flag(name)

    def own_group(self) -> int:
        """The community that the call names. Raises 100 without one, 15 for another one."""
        group_id = int(self.needed("group_id")) if self.text("group_id").isdigit() else 0
        if not group_id:
            raise wrong("group_id is undefined")
        if group_id != self.account.community.id:
            raise ApiError(15)
        return group_id

    def peer(self) -> int:
        """The dialog that the call names, for journals and faults: it never refuses."""
        for name in ("peer_id", "user_id", "peer_ids"):
            value = str(self.parameters.values.get(name) or "").split(",")[0]
            if value.lstrip("-").isdigit():
                return int(value)
        return 0

    def chat(self) -> Chat:
        if not self.peer():
            raise wrong("peer_id is undefined")
        return self.cloud.chat_of(self.account, self.peer())

    def person(self, person_id: int) -> Json:
        """Somebody as users.get tells it."""
        person = self.cloud.world.people[person_id]
        fields, portrait = self.text("fields"), self.cloud.portrait_of(person)
        shown: Json = {}
        if "has_photo" in fields:
            shown["has_photo"] = int(portrait is not None)
        if "photo_200" in fields:
            name = portrait.file_id if portrait is not None else "camera_200"
            shown["photo_200"] = f"{self.cloud.origin}/userapi/{name}"
        return {
            **shown,
            "id": person.id,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "can_access_closed": True,
            "is_closed": False,
            **({"screen_name": person.username} if person.username and "screen_name" in self.text("fields") else {}),
        }
