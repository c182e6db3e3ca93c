"""Migrations as processes of their own, to be killed at any statement.

Each is forked from a process that has imported everything, so that hundreds of kills are not hundreds of imports.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from kit.config import Config

STATEMENTS = "statements"
KILLED = -signal.SIGKILL
AT_COMMIT = -1
"""A point to die at: when everything is done and only the commit is not."""


@dataclass(frozen=True, slots=True)
class Migration:
    """`prilavok migrate` of the release whose migrations are in `folder`, to die before its `die_at`th statement."""

    folder: str
    url: str
    die_at: int = 0
    wait_for: str = ""
    """A file to be there before the migration begins, so that rivals begin together."""
    linger: float = 0.0
    """Seconds of pause before the commit."""
    shop: bool = False
    """Prepare the whole installation, as `prilavok run` does."""


class Mother:
    """Forks migrations. `run` waits for one; `begin` and `end` let several run at once."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.installation.migrating"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, migration: Migration) -> int:
        return int(self._ask({"begin": asdict(migration)}))

    def end(self, pid: int) -> tuple[int, str]:
        """How it ended: 0, 1 with what it said, or minus the signal."""
        answer = orjson.loads(self._ask({"end": pid}))
        return int(answer["status"]), str(answer["words"])

    def run(self, folder: Path, url: str, *, die_at: int = 0) -> tuple[int, str]:
        return self.end(self.begin(Migration(str(folder), url, die_at)))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, question: dict[str, Any]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(question).decode() + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


def _migrate(migration: Migration) -> str:
    """In the child. Gives the words of a failure, or how many statements it took."""
    import sqlalchemy as sa

    from prilavok import installation
    from storage import migrate

    migrate.FOLDER = Path(migration.folder)
    count = 0

    def before_statement(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == migration.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before_commit(_: Any) -> None:
        time.sleep(migration.linger)
        if migration.die_at == AT_COMMIT:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "before_cursor_execute", before_statement)
    sa.event.listen(sa.Engine, "commit", before_commit)
    while migration.wait_for and not Path(migration.wait_for).exists():
        time.sleep(0.002)
    try:
        if migration.shop:
            installation.prepare(Config(secret_key=SecretStr(secrets.token_hex(32)), database=migration.url))
        else:
            installation.migrate(migration.url)
    except Exception as failure:
        return f"{type(failure).__name__}: {failure}"
    return f"{STATEMENTS} {count}"


def _fork(migration: Migration, words: Path) -> int:
    pid = os.fork()
    if pid == 0:
        said = _migrate(migration)
        words.write_text(said, encoding="utf-8")
        os._exit(0 if said.startswith(STATEMENTS) else 1)
    return pid


def main() -> None:
    """The mother's own process: one JSON question a line."""
    import tempfile

    import psycopg  # noqa: F401

    import prilavok.installation  # noqa: F401

    said: dict[int, Path] = {}
    with tempfile.TemporaryDirectory(prefix="prilavok-migrating-") as folder:
        for n, line in enumerate(sys.stdin):
            question = orjson.loads(line)
            if "begin" in question:
                words = Path(folder) / str(n)
                pid = _fork(Migration(**question["begin"]), words)
                said[pid] = words
                print(pid, flush=True)
                continue
            pid = question["end"]
            _, status = os.waitpid(pid, 0)
            words = said.pop(pid)
            answer = {
                "status": os.waitstatus_to_exitcode(status),
                "words": words.read_text(encoding="utf-8") if words.exists() else "",
            }
            print(orjson.dumps(answer).decode(), flush=True)


if __name__ == "__main__":
    main()
