"""Many processes of one installation, to be started, paused, ended and killed."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson

from tests.ports import free_port

STARTS_WITHIN = 90.0
"""Seconds after which a process that is not ready counts as broken."""

DIE_WITH_PARENT = 1
"""prctl: no process outlives a run that was itself killed."""

DRAINS_WITHIN = 20.0
"""Seconds that a process may take to end after SIGTERM."""


class Nursery:
    """A process that has imported everything, from which the others are forked: many starts, one import."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.fleet"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def bear(self, arguments: list[str], log: Path) -> int:
        """Begin `prilavok <arguments>`. Gives its process number."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps({"arguments": arguments, "log": str(log)}).decode() + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@dataclass(slots=True)
class Member:
    """One process; what follows it on the same ports is the same member."""

    role: str
    number: int
    configuration: Path
    nursery: Nursery
    port: int = field(default_factory=free_port)
    health_port: int = field(default_factory=free_port)
    pid: int = 0

    @property
    def name(self) -> str:
        return f"{self.role} {self.number}"

    @property
    def log_file(self) -> Path:
        return self.configuration.parent / f"{self.role}-{self.number}.log"

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    def start(self) -> None:
        arguments = [self.role, "--config", str(self.configuration), "--health", f"127.0.0.1:{self.health_port}"]
        if self.role == "web":
            arguments += ["--port", str(self.port)]
        self.pid = self.nursery.bear(arguments, self.log_file)

    async def status(self, what: str) -> int:
        """What its health address answers; 0 when nobody does."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as http,
                http.get(f"http://127.0.0.1:{self.health_port}/{what}") as answer,
            ):
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def ready(self) -> None:
        """Wait until it says so. Raises TimeoutError with the end of its log."""
        try:
            async with asyncio.timeout(STARTS_WITHIN):
                while await self.status("ready") != 200:
                    assert self.runs, f"{self.name} ended by itself:\n{self.log[-3000:]}"
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(f"{self.name} is not ready; its log ends with:\n{self.log[-3000:]}") from None

    @property
    def runs(self) -> bool:
        if not self.pid:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    async def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        await self._gone()

    async def stop(self) -> float:
        """SIGTERM. Gives the seconds that it took to end."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        await self._gone()
        return time.monotonic() - began

    def signal(self, number: int) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def resident(self) -> float:
        """Megabytes of memory that are its own; what it shares with the nursery is not counted."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024

    async def _gone(self) -> None:
        while self.runs:
            await asyncio.sleep(0.01)
        self.pid = 0


def main() -> None:
    """The nursery: a process for each line {"arguments", "log"}; says its number."""
    # Here and not above: only the nursery needs the seconds that these take.
    import prilavok.ticks  # noqa: F401
    from prilavok import cli

    gc.collect()
    gc.freeze()
    # The dead are nobody's business here: whoever killed them looks for their number.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        asked = orjson.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for number, path in ((1, os.devnull), (2, asked["log"])):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), number)
            sys.argv = ["prilavok", *asked["arguments"]]
            try:
                cli.main()
            finally:
                sys.stderr.flush()
                os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
