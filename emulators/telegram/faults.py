"""Trouble on order: refusals, silence, broken connections, doubled and disordered updates."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Trouble(StrEnum):
    TOO_MANY_REQUESTS = "too_many_requests"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    HANG = "hang"
    RESET = "reset"


@dataclass(slots=True)
class Fault:
    """A planned trouble for the next `times` calls that fit.

    `after` lets the call have its effect before the trouble: the caller cannot know. `methods` are in lower case;
    empty means every method but getUpdates. `seconds` is how long a hang lasts before the connection is dropped.
    """

    trouble: Trouble
    times: int = 1
    methods: frozenset[str] = frozenset()
    chat_id: int | None = None
    after: bool = False
    retry_after: int = 1
    seconds: float = 60.0

    def fits(self, method: str, chat_id: int | None) -> bool:
        if self.chat_id is not None and self.chat_id != chat_id:
            return False
        return method in self.methods if self.methods else method != "getupdates"


@dataclass(slots=True)
class Faults:
    """Planned faults first, then those by chance.

    `rates` are chances per call from 0 to 1, `late_rates` the same for trouble after the call had its effect, `hang`
    the seconds of a hang that comes by chance, `latency` seconds added to every call, `copies` how many times at once a
    webhook gets each update, `duplicates` and `disorder` chances per update to come again and to change places with
    the next one, `overtakes` the chance of the latter between two lanes only, as a press overtakes words in life.
    All chance comes from `dice`, so a seed repeats a run.
    """

    planned: list[Fault] = field(default_factory=list)
    rates: dict[Trouble, float] = field(default_factory=dict)
    rates_after: bool = False
    late_rates: dict[Trouble, float] = field(default_factory=dict)
    hang: float = 60.0
    latency: float = 0.0
    duplicates: float = 0.0
    disorder: float = 0.0
    overtakes: float = 0.0
    copies: int = 1
    met: Counter[str] = field(default_factory=Counter)
    """How many updates were doubled, disordered and overtaken."""
    dice: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - chance, not secrecy

    @property
    def calm(self) -> bool:
        return not (self.planned or self.rates or self.late_rates)

    def take(self, method: str, chat_id: int | None) -> Fault | None:
        """The trouble that this call meets, if any; a planned one is used up."""
        for fault in self.planned:
            if fault.fits(method, chat_id):
                fault.times -= 1
                if fault.times <= 0:
                    self.planned.remove(fault)
                return fault
        if method == "getupdates":
            return None
        for chances, after in ((self.rates, self.rates_after), (self.late_rates, True)):
            for trouble, chance in chances.items():
                if self.dice.random() < chance:
                    return Fault(trouble, after=after, seconds=self.hang)
        return None

    def doubled(self) -> bool:
        return self._comes("doubled", self.duplicates)

    def disordered(self) -> bool:
        return self._comes("disordered", self.disorder)

    def overtaken(self) -> bool:
        return self._comes("overtaken", self.overtakes)

    def _comes(self, name: str, chance: float) -> bool:
        comes = chance > 0 and self.dice.random() < chance
        self.met[name] += comes
        return comes

    def clear(self) -> None:
        self.planned.clear()
        self.rates.clear()
        self.late_rates.clear()
        self.rates_after = False
        self.latency = self.duplicates = self.disorder = self.overtakes = 0.0
        self.copies = 1
