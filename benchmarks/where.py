"""Where the processor's time goes, from stacks that py-spy took: `python -m benchmarks.where <file> [us per message]`.

A sample counts for the part whose function runs, and, in the second table, for every function of ours on its stack.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PARTS = (
    ("sqlalchemy/orm/", "SQLAlchemy ORM"),
    ("sqlalchemy/dialects/sqlite", "SQLite's driver"),
    ("sqlalchemy/dialects/postgresql", "psycopg"),
    ("sqlalchemy/engine/default.py", "the driver's calls, or SQLAlchemy around them"),
    ("sqlalchemy/util/", "SQLAlchemy util"),
    ("sqlalchemy/sql/", "SQLAlchemy SQL"),
    ("sqlalchemy/event/", "SQLAlchemy events"),
    ("sqlalchemy/pool/", "SQLAlchemy pool"),
    ("sqlalchemy/ext/asyncio", "SQLAlchemy asyncio"),
    ("sqlalchemy/", "SQLAlchemy engine"),
    ("psycopg", "psycopg"),
    ("aiosqlite/", "aiosqlite"),
    ("aiogram/", "aiogram"),
    ("pydantic", "pydantic"),
    ("aiohttp/", "aiohttp"),
    ("yarl/", "aiohttp"),
    ("multidict/", "aiohttp"),
    ("asyncio/", "asyncio"),
    ("uvloop/", "uvloop"),
    ("structlog/", "logging"),
    ("logging/", "logging"),
)
"""The beginning of a path below site-packages or the standard library, and what it is called."""

OURS = ("prilavok/", "operator_console/", "bot/", "payments/", "inbox/", "orders/", "catalog/", "customers/",
        "company/", "storage/", "kit/")  # fmt: skip


def stacks(path: Path) -> Iterator[tuple[list[str], int]]:
    """(frames from the outermost, samples)."""
    for line in path.read_text().splitlines():
        frames, _, n = line.rpartition(" ")
        yield frames.split(";"), int(n)


def file_of(frame: str) -> str:
    """The file of a frame like "execute (sqlalchemy/orm/session.py:2351)"."""
    return frame.rpartition("(")[2].rpartition(")")[0].rpartition(":")[0]


def part(frame: str) -> str:
    file = file_of(frame)
    for begins, name in PARTS:
        if file.startswith(begins):
            return name
    return next((f"ours: {begins[:-1]}" for begins in OURS if file.startswith(begins)), f"other: {file}")


def function(frame: str) -> str:
    """A frame without its line, to add up."""
    name = frame.partition(" (")[0]
    return f"{name} ({file_of(frame)})"


def main() -> None:
    path = Path(sys.argv[1])
    us = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    selves: Counter[str] = Counter()
    tips: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    threads: Counter[str] = Counter()
    all_of_them = 0
    for frames, n in stacks(path):
        all_of_them += n
        threads[frames[0]] += n
        selves[part(frames[-1])] += n
        tips[function(frames[-1])] += n
        for each in {function(frame) for frame in frames if file_of(frame).startswith(OURS)}:
            totals[each] += n
    for title, counted, most in (
        ("threads", threads, 6),
        ("parts, by what runs", selves, 22),
        ("functions, by what runs", tips, 25),
        ("our functions, with what they call", totals, 60),
    ):
        print(f"\n{title}")
        for name, n in counted.most_common(most):
            share = n / all_of_them
            print(f"{100 * share:6.1f} % {us * share:8.0f} us  {name}")


if __name__ == "__main__":
    main()
