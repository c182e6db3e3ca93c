"""What many wait for in the same moment is made once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key")
Question = TypeVar("Question")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Round(Generic[Question, Answer]):
    answer: asyncio.Task[Answer]
    questions: set[Question] = field(default_factory=set)


class Together(Generic[Key, Question, Answer]):
    """Questions of one key that come before an answer is begun share it. None is answered by what was read before it
    was asked, and so nothing has to be thrown away when something changes."""

    def __init__(self, answer: Callable[[Key, Collection[Question]], Awaitable[Answer]], *, pause: float = 0) -> None:
        """`pause`: seconds that more questions are waited for."""
        self._answer = answer
        self._pause = pause
        self._waiting: dict[Key, _Round[Question, Answer]] = {}
        self._answering: set[asyncio.Task[Answer]] = set()
        self._turn = asyncio.Lock()

    def join(self, key: Key, question: Question) -> asyncio.Task[Answer]:
        """The answer to come: one for all of its questions. Whoever gives up waiting for it must not cancel it."""
        waiting = self._waiting.get(key)
        if waiting is None:
            task = asyncio.create_task(self._run(key))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
            waiting = self._waiting[key] = _Round(task)
        waiting.questions.add(question)
        return waiting.answer

    async def stop(self) -> None:
        """Answer nobody any more."""
        tasks = list(self._answering)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: Key) -> Answer:
        await asyncio.sleep(self._pause)
        async with self._turn:
            return await self._answer(key, self._waiting.pop(key).questions)
