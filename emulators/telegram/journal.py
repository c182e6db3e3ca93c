"""What really arrived, written down so that another process can read it afterwards."""

from __future__ import annotations

import os
import time
from pathlib import Path

import orjson

from emulators.telegram.world import Json

SECRET_PARAMETERS = frozenset({"secret_token", "certificate"})


class Journal:
    """An append-only file of JSON lines; each line is in the file when `write` returns (on the disk with `fsync`).

    A call:    {"at", "kind": "call", "bot", "method", "chat", "parameters", "result" | "error", "trouble"?}
    An update: {"at", "kind": "update", "bot", "update_id", "type", "state"}, where state goes created -> confirmed
               for polling, created -> delivered (with "status") -> ... for a webhook, or dropped.
    """

    def __init__(self, path: Path, *, fsync: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._fsync = fsync
        self._file: int | None = None

    def write(self, kind: str, **facts: object) -> None:
        line = orjson.dumps({"at": time.time(), "kind": kind, **facts}, default=str, option=orjson.OPT_APPEND_NEWLINE)
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(self._file, line)
        if self._fsync:
            os.fsync(self._file)

    def close(self) -> None:
        """Let the file go; the next line opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def without_secrets(parameters: Json) -> Json:
    return {key: value for key, value in parameters.items() if key not in SECRET_PARAMETERS}
