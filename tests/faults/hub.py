"""The hub as a process of its own, to be started and killed.

A warm start forks from a process that has imported everything, so that a run of many kills is not a run of many
imports; what is forked runs `prilavok run` as a cold start does, and dies the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

from kit import crash
from tests.faults.place import Place

COMMAND = "from prilavok.cli import main; main()"
"""What the console script `prilavok` does, for an environment that has it installed or not."""

STARTS_WITHIN = 60.0
"""Seconds after which a hub that does not answer counts as broken."""


class Nursery:
    """A process that has imported everything, from which hubs are forked one at a time."""

    def __init__(self) -> None:
        self._process = _popen([sys.executable, "-m", "tests.faults.hub"], None, pipes=True)

    def bear(self, configuration: Path, log: Path, crash_at: str) -> int:
        """A new hub. Gives its process number."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{configuration}|{log}|{crash_at}\n")
        self._process.stdin.flush()
        return int(self._line())

    def wait(self) -> None:
        """Until the hub has ended."""
        self._line()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class HubProcess:
    """One hub at a time of one place: forked from a nursery, or started from nothing."""

    def __init__(self, place: Place, nursery: Nursery | None) -> None:
        self._place = place
        self._nursery = nursery
        self._log = place.work / "hub.log"
        self._process: subprocess.Popen[str] | None = None
        self.pid = 0

    @property
    def log(self) -> str:
        """Everything that the hubs of this run wrote to their logs."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    async def start(self, *, crash_at: str = "") -> None:
        """Begin; `ready` says when it serves. `crash_at` names a point of kit.crash at which it shall die."""
        if self._nursery is not None:
            self.pid = await asyncio.to_thread(self._nursery.bear, self._place.configuration, self._log, crash_at)
        else:
            command = [sys.executable, "-c", COMMAND, "run", "--config", str(self._place.configuration)]
            self._process = _popen(command, self._log, pipes=False, crash_at=crash_at)
            self.pid = self._process.pid

    async def ready(self) -> None:
        """Wait until it serves. Raises TimeoutError."""
        try:
            async with asyncio.timeout(STARTS_WITHIN), aiohttp.ClientSession() as http:
                while True:
                    try:
                        async with http.get(f"{self._place.address}/ready") as answer:
                            if answer.status == 200:
                                return
                    except aiohttp.ClientError:
                        pass
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise TimeoutError(f"the hub does not serve; its log ends with:\n{self.log[-3000:]}") from None

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        await self.gone()

    async def stop(self) -> float:
        """SIGTERM. Gives the seconds that the hub took to end."""
        began = time.monotonic()
        self._signal(signal.SIGTERM)
        await self.gone()
        return time.monotonic() - began

    def ask_to_stop(self) -> None:
        """SIGTERM; `gone` waits for the end."""
        self._signal(signal.SIGTERM)

    async def gone(self) -> None:
        """Wait until the process has ended."""
        if self.pid and self._nursery is not None:
            await asyncio.to_thread(self._nursery.wait)
        elif self.pid and self._process is not None:
            await asyncio.to_thread(self._process.wait)
        self.pid = 0

    def _signal(self, number: int) -> None:
        if self.pid:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def resident(self) -> float:
        """Megabytes of memory that the hub holds now."""
        return resident(self.pid)

    def cpu(self) -> float:
        """Seconds of processor that the hub has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def _popen(command: list[str], log: Path | None, *, pipes: bool, crash_at: str = "") -> subprocess.Popen[str]:
    environment = {**os.environ, "PRILAVOK_CRASH_AT": crash_at}
    stream = subprocess.PIPE if pipes else subprocess.DEVNULL
    with log.open("a") if log is not None else contextlib.nullcontext() as errors:
        return subprocess.Popen(
            command, stdin=stream, stdout=stream, stderr=errors, text=True, env=environment, start_new_session=True
        )


def main() -> None:
    """The nursery: a hub for each line "<configuration>|<log>|<crash point>"; says its number, and when it ended."""
    # Here and not above: only the nursery needs the seconds that these take.
    import bot.channels.telegram_files  # noqa: F401
    import prilavok.hub  # noqa: F401
    from prilavok import cli

    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        configuration, log, crash_at = line.strip().split("|")
        pid = os.fork()
        if pid == 0:
            os.setsid()
            for number, path in ((1, os.devnull), (2, log)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), number)
            crash.arm(crash_at)
            cli.run(Path(configuration))
            os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main()
