"""How much one visitor, or one address, may do: buckets that fill up again by and by.

They live in memory. After a restart everybody starts with full ones, which harms nobody.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

REMEMBERED = 20_000
"""Buckets kept; the longest untouched go first, and those are full by then."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """`burst` at once, then one every `every` seconds."""

    burst: int
    every: float


class TooFast(Exception):
    """The bucket is empty; `wait` seconds bring the next drop."""

    def __init__(self, wait: float) -> None:
        self.wait = wait
        super().__init__(f"{wait:.1f} s")


class Limits:
    """The buckets of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, what: str, who: str, allowance: Allowance, amount: float = 1) -> None:
        """Raises TooFast when `who` has used up what is allowed of `what`."""
        now = self._clock()
        full = float(allowance.burst)
        left, at = self._buckets.pop((what, who), (full, now))
        left = min(full, left + (now - at) / allowance.every)
        enough = left >= amount
        self._buckets[what, who] = (left - amount if enough else left, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        if not enough:
            raise TooFast((amount - left) * allowance.every)
