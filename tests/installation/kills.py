"""Kill an upgrade before every statement of every step: `python -m tests.installation.kills [--database URL]`."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.conftest import open_engine
from tests.installation import old_shop
from tests.installation.databases import bare_database
from tests.installation.migrating import AT_COMMIT, KILLED, STATEMENTS, Mother
from tests.installation.releases import NEXT, looks, release, revisions

STEPS = [*revisions(), NEXT]


@contextmanager
def seen(url: str) -> Iterator[sa.Engine]:
    engine = open_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        yield engine
    finally:
        engine.dispose()


def looks_of(url: str) -> dict[str, str]:
    with seen(url) as engine:
        return looks(engine)


def migrated_to(url: str) -> str:
    with seen(url) as engine, engine.connect() as connection:
        return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))


def bring_to(step: str, url: str, folder: Path, mother: Mother) -> None:
    """The shop of the first release, upgraded as far as `step`; no tables at all for the step before the first."""
    if not step:
        return
    for each in [step] if step == STEPS[0] else [STEPS[0], step]:
        where = folder / each
        status, words = mother.run(where if where.exists() else release(where, each), url)
        assert status == 0, words
        if each == STEPS[0]:
            with seen(url) as engine:
                old_shop.fill(engine)


def kill_in(step: str, new_database: Callable[[], str], folder: Path, mother: Mother, *, kills: int) -> int:
    """Kill the step before `kills` of its statements and in the moment of its commit, then let it end.

    After each kill everything is as it was; at the end it is as if nobody had been killed. Gives the number of kills.
    """
    before = STEPS[STEPS.index(step) - 1] if step != STEPS[0] else ""
    killed, whole = new_database(), new_database()
    for database in (killed, whole):
        bring_to(before, database, folder, mother)
    fresh = release(folder / "fresh" / step, step)
    status, words = mother.run(fresh, whole)
    assert status == 0, words
    statements = int(words.removeprefix(STATEMENTS))
    old = looks_of(killed)
    points = sorted(
        {1 + n * (statements - 1) // max(1, min(kills, statements) - 1) for n in range(min(kills, statements))}
    )
    for point in (*points, AT_COMMIT):
        status, words = mother.run(fresh, killed, die_at=point)
        assert status == KILLED, f"{point} of {statements}: {words}"
        assert looks_of(killed) == old, f"killed before statement {point} of {statements}"
    status, words = mother.run(fresh, killed)
    assert status == 0, words
    assert looks_of(killed) == looks_of(whole) != old
    return len(points) + 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.installation.kills", description=__doc__)
    parser.add_argument("--database", default="", help="the address of a PostgreSQL server; SQLite files by default")
    parser.add_argument("--kills", type=int, default=10**6, help="at most so many in each step")
    told = parser.parse_args()
    mother = Mother()
    for step in STEPS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="prilavok-kills-") as folder, ExitStack() as made:

            def new(folder: str = folder, made: ExitStack = made) -> str:
                if told.database:
                    return made.enter_context(bare_database(told.database))
                return f"sqlite:///{folder}/{secrets.token_hex(4)}.db"

            kills = kill_in(step, new, Path(folder), mother, kills=told.kills)
        print(f"{step}: killed {kills} times, 0 times between; {time.monotonic() - began:.0f} s")
    mother.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
