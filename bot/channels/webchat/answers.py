"""Answers to button presses, on their way from the worker to the request that waits for one.

A press is answered within seconds or not at all, so this lives in memory: in a process that does not hold the
request the answer is dropped, and the buyer sees what the press did by the message that changed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    text: str = ""
    alert: bool = False


class Answers:
    """Requests that wait, by the name of their press."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

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
        place = self._waiting.get(ack)
        if place is not None and not place.done():
            place.set_result(answer)


ANSWERS = Answers()
"""The process's own. An account's adapter and the web routes are made apart, and this is all that they share."""
