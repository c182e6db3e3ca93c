"""The hub as a process of its own, to be started and killed.

A warm start forks from a process that has imported everything, so that a run of many kills is not a run of many
imports; what is forked runs `prilavok run` as a cold start does, and dies the same way.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import aiohttp

from kit import crash
from tests.faults.place import Place

COMMAND = "from prilavok.cli import main; main()"
"""What the console script `prilavok` does, for an environment that has it installed or not."""

STARTS_WITHIN = 60.0
"""Seconds after which a hub that does not answer counts as broken."""


class HubProcess:
    """One hub at a time of one place."""

    def __init__(self, place: Place, *, warm: bool) -> None:
        self._place = place
        self._warm = warm
        self._log = place.folder / "hub.log"
        self._nursery: subprocess.Popen[str] | None = None
        self._process: subprocess.Popen[str] | None = None
        self.pid = 0

    @property
    def log(self) -> str:
        """Everything that the hubs of this run wrote to their logs."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    async def start(self, *, crash_at: str = "") -> None:
        """Begin; `ready` says when it serves. `crash_at` names a point of kit.crash at which it shall die."""
        await asyncio.to_thread(self._start, crash_at)

    def _start(self, crash_at: str) -> None:
        command = [sys.executable, "-c", COMMAND, "run", "--config", str(self._place.configuration)]
        if self._warm:
            self._nursery = self._nursery or _popen([sys.executable, "-m", "tests.faults.hub"], self._log, pipes=True)
            self.pid = int(self._ask(f"{self._place.configuration}|{crash_at}"))
        else:
            self._process = _popen(command, self._log, pipes=False, crash_at=crash_at)
            self.pid = self._process.pid

    def _ask(self, line: str) -> str:
        assert self._nursery is not None
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(line + "\n")
        self._nursery.stdin.flush()
        return self._nursery.stdout.readline()

    async def ready(self) -> None:
        """Wait until it serves. Raises TimeoutError."""
        async with asyncio.timeout(STARTS_WITHIN), aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(f"{self._place.address}/ready") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.02)

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

    async def gone(self) -> None:
        """Wait until the process has ended."""
        if self.pid:
            if self._warm:
                await asyncio.to_thread(self._nursery_says_gone)
            else:
                assert self._process is not None
                await asyncio.to_thread(self._process.wait)
        self.pid = 0

    def _nursery_says_gone(self) -> None:
        assert self._nursery is not None
        assert self._nursery.stdout is not None
        self._nursery.stdout.readline()

    def _signal(self, number: int) -> None:
        if self.pid:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    async def close(self) -> None:
        """End everything that this object started."""
        await self.kill()
        if self._nursery is not None:
            assert self._nursery.stdin is not None
            assert self._nursery.stdout is not None
            self._nursery.stdin.close()
            await asyncio.to_thread(self._nursery.wait)
            self._nursery.stdout.close()

    def resident(self) -> float:
        """Megabytes of memory that the hub holds now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def cpu(self) -> float:
        """Seconds of processor that the hub has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _popen(command: list[str], log: Path, *, pipes: bool, crash_at: str = "") -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment.pop("PRILAVOK_CRASH_AT", None)
    if crash_at:
        environment["PRILAVOK_CRASH_AT"] = crash_at
    stream: int | IO[str] = subprocess.PIPE if pipes else subprocess.DEVNULL
    with log.open("a") as errors:
        return subprocess.Popen(
            command, stdin=stream, stdout=stream, stderr=errors, text=True, env=environment, start_new_session=True
        )


def main() -> None:
    """The nursery: for each line "<configuration>|<crash point>" a hub; says its number, and "gone" when it ended."""
    # Here and not above: only the nursery needs the seconds that these take.
    import bot.channels.telegram  # noqa: F401
    import prilavok.hub  # noqa: F401
    from prilavok import cli

    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        configuration, _, crash_at = line.strip().partition("|")
        pid = os.fork()
        if pid == 0:
            os.setsid()
            crash.arm(crash_at)
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115  for the life of the process
            cli.run(Path(configuration))
            os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main()
