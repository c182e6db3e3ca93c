"""One answer for all who ask in the same moment, and never one that was read before they asked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from operator_console.together import Together


class Desk:
    """Answers with what is true when it begins to answer; `go` lets it finish."""

    def __init__(self) -> None:
        self.truth = 0
        self.answered: list[tuple[str, set[str]]] = []
        self.go = asyncio.Event()
        self.fails = False

    async def answer(self, key: str, questions: Collection[str]) -> int:
        self.answered.append((key, set(questions)))
        truth = self.truth
        await self.go.wait()
        if self.fails:
            raise RuntimeError("nobody is there")
        return truth


async def a_while() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_asks_before_the_answer_is_begun_shares_it() -> None:
    desk = Desk()
    desk.go.set()
    together = Together(desk.answer)
    asked = [together.join("list", who) for who in ("one", "two", "one")]
    other = together.join("other", "three")
    assert [await it for it in asked] == [0, 0, 0]
    await other
    assert desk.answered == [("list", {"one", "two"}), ("other", {"three"})]


async def test_who_asks_while_it_is_answered_gets_what_is_read_after_he_asked() -> None:
    desk = Desk()
    together = Together(desk.answer)
    early = together.join("list", "one")
    await a_while()
    desk.truth = 1
    late = [together.join("list", who) for who in ("two", "three")]
    await a_while()
    assert desk.answered == [("list", {"one"})]
    desk.go.set()
    assert [await early, *[await it for it in late]] == [0, 1, 1]
    assert desk.answered[1:] == [("list", {"two", "three"})]


async def test_a_pause_gathers_more() -> None:
    desk = Desk()
    desk.go.set()
    together = Together(desk.answer, pause=0.05)
    first = together.join("list", "one")
    await asyncio.sleep(0.01)
    assert together.join("list", "two") is first
    await first
    assert desk.answered == [("list", {"one", "two"})]


async def test_a_failure_is_told_to_all_and_the_next_are_answered() -> None:
    desk = Desk()
    desk.go.set()
    desk.fails = True
    together = Together(desk.answer)
    asked = [together.join("list", who) for who in ("one", "two")]
    for it in asked:
        with pytest.raises(RuntimeError):
            await it
    desk.fails = False
    assert await together.join("list", "three") == 0


async def test_the_end_leaves_nothing_running() -> None:
    desk = Desk()
    together = Together(desk.answer)
    asked, waiting = together.join("list", "one"), together.join("other", "two")
    await a_while()
    await together.stop()
    assert (asked.cancelled(), waiting.cancelled()) == (True, True)
