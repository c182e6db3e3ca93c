"""The memory of Idempotence-Key: a repeated request gets the first answer, another one under its key is refused.

Source: https://yookassa.ru/developers/using-api/interaction-format#idempotence (keys are kept for 24 hours)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from emulators.yookassa.errors import invalid
from emulators.yookassa.records import JsonObject, Shop
from emulators.yookassa.shelf import Shelf

HEADER = "Idempotence-Key"
LONGEST_KEY = 64
KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request, and a digest of that request."""

    owner: str
    request: str
    body: JsonObject
    at: datetime


class Answers:
    def __init__(self, shelf: Shelf, clock: Callable[[], datetime]) -> None:
        self._shelf, self._clock = shelf, clock
        self._kept = {answer.owner: answer for answer in shelf.all("answers", Answer)}

    def once(
        self, shop: Shop, key: str | None, request: tuple[str, object], act: Callable[[], JsonObject]
    ) -> JsonObject:
        """The answer of `act`, run at most once a key in 24 hours. A refusal is not remembered: it changed nothing."""
        if not key:
            raise invalid("Idempotence key is missing", HEADER)
        if len(key) > LONGEST_KEY:
            raise invalid(f"Idempotence key is longer than {LONGEST_KEY} characters", HEADER)
        owner = _digest([shop.id, key])
        wanted = _digest(list(request))
        known = self._kept.get(owner)
        if known is not None and self._clock() < known.at + KEPT:
            if known.request != wanted:
                raise invalid("Idempotence key duplicated", HEADER)
            return known.body
        answer = Answer(owner, wanted, act(), self._clock())
        self._kept[owner] = answer
        self._shelf.put("answers", owner, answer)
        return answer.body


def _digest(value: object) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
