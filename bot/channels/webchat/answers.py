"""Answers to button presses, on their way from the worker to the request that waits for one.

A press is answered within seconds or not at all, so this lives in memory. A process that does not hold the request
passes the answer on to those that may (the bell); if it is lost, the buyer sees what the press did by the message that
changed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    text: str = ""
    alert: bool = False


class Answers:
    """Requests that wait, by the name of their press."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self.elsewhere: Callable[[str, str, bool], object] | None = None
        """Where answers go whose request is not here."""

    @contextlib.contextmanager
    def expect(self, ack: str) -> Iterator[asyncio.Future[Answer]]:
        """A place for the answer; must stand before the press is accepted."""
        place: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[ack] = place
        try:
            yield place
        finally:
            if self._waiting.get(ack) is place:
                del self._waiting[ack]

    def give(self, ack: str, answer: Answer) -> None:
        if not self.heard(ack, answer.text, answer.alert) and self.elsewhere is not None:
            self.elsewhere(ack, answer.text, answer.alert)

    def heard(self, ack: str, text: str, alert: bool) -> bool:
        """False if no request of this process waits for it."""
        place = self._waiting.get(ack)
        if place is not None and not place.done():
            place.set_result(Answer(text, alert))
        return place is not None


ANSWERS = Answers()
"""The process's own. An account's adapter and the web routes are made apart, and this is all that they share."""
