"""The owner with his own chat: what he does with orders as their notices come."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from emulators.telegram.phones import Phone, Shown
from tests.faults.people import Act, Person, words

STUBBORN = 4
"""How often he presses a button that seems to do nothing."""

ACCEPT, REFUSE, KEEP = words("notice.accept"), words("notice.cancel"), words("notice.keep")
PLACED = words("notice.placed")


class Owner(Person[Phone]):
    """Moves every order on as soon as its notice lets him, and turns a few away."""

    async def live(self, stopping: asyncio.Event) -> None:
        """Answer notices, the oldest first; one that does not change after a few presses is let be."""
        tries: Counter[tuple[int, str]] = Counter()
        while True:
            message = next((each for each in self._notices() if tries[each.id, each.text] < STUBBORN), None)
            if message is not None:
                tries[message.id, message.text] += 1
                await self.do(self._answer(message))
            elif stopping.is_set():
                return
            else:
                await asyncio.sleep(0.1)

    def screen(self) -> Any:
        return [(each.id, each.text, each.labels) for each in self._notices()]

    def _notices(self) -> list[Shown]:
        return [each for each in self.phone.from_bot if ACCEPT in each.labels or KEEP in each.labels]

    def _answer(self, message: Shown) -> Act:
        if KEEP in message.labels:
            reasons = [label for label in message.labels if label != KEEP]
            return self.press(self.dice.choice(reasons), message)
        if message.text.startswith(PLACED) and REFUSE in message.labels and self._fancies(0.05):
            self.deeds["turned away"] += 1
            return self.press(REFUSE, message)
        return self.press(ACCEPT, message)
