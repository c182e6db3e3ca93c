"""The hub as a process of its own, to be started and killed.

A warm start forks from a process that has imported everything, so that a run of many kills is not a run of many
imports; what is forked runs `prilavok run` as a cold start does, and dies the same way.
"""

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
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import PIPE

import aiohttp

from kit import crash
from tests.faults.place import Place

COMMAND = "from prilavok.cli import main; main()"
"""What the console script `prilavok` does, for an environment that has it installed or not."""

STARTS_WITHIN = 60.0
"""Seconds after which a hub that does not answer counts as broken."""


class Nursery:
    """A process that has imported everything, from which hubs are forked one at a time."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "tests.faults.hub"]
        self._process = _popen(command, None, pipes=True, environment=environment or {})

    def bear(self, configuration: Path, log: Path, crash_at: str, *, held: bool = False) -> int:
        """A new hub. Gives its process number. A `held` one waits for SIGCONT before it does anything."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{configuration}|{log}|{crash_at}|{'held' if held else ''}\n")
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
        self._strace: subprocess.Popen[bytes] | None = None
        self._end: asyncio.Task[object] | None = None
        self.pid = 0

    @property
    def log(self) -> str:
        """Everything that the hubs of this run wrote to their logs."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    async def start(self, *, crash_at: str = "", traced: Sequence[str] = ()) -> None:
        """Begin; `ready` says when it serves. `crash_at` names a point of kit.crash at which it shall die.

        With `traced`, arguments of strace, strace follows it from its first instruction on; that needs a nursery.
        """
        if self._nursery is not None:
            told = (self._place.configuration, self._log, crash_at)
            self.pid = await asyncio.to_thread(self._nursery.bear, *told, held=bool(traced))
            if traced:
                await self.trace(traced)
                self._signal(signal.SIGCONT)
        else:
            command = [sys.executable, "-c", COMMAND, "run", "--config", str(self._place.configuration)]
            self._process = _popen(command, self._log, pipes=False, crash_at=crash_at)
            self.pid = self._process.pid

    async def trace(self, arguments: Sequence[str]) -> None:
        """Let strace follow every thread of the running hub from now on."""
        command = ["strace", "-f", "-q", "-p", str(self.pid), *arguments]
        self._strace = await asyncio.to_thread(_quiet, command)
        async with asyncio.timeout(STARTS_WITHIN):
            while not self._is_traced():
                if self._strace.poll() is not None:
                    raise RuntimeError((self._strace.stderr.read() if self._strace.stderr else b"").decode())
                await asyncio.sleep(0.01)

    def _is_traced(self) -> bool:
        """Whether a tracer holds every thread."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/status")
        return all("TracerPid:\t0\n" not in task.read_text() for task in tasks)

    async def ready(self, *, within: float = STARTS_WITHIN) -> None:
        """Wait until it serves. Raises TimeoutError."""
        try:
            async with asyncio.timeout(within), aiohttp.ClientSession() as http:
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
        """Wait until the process has ended. Whoever loses patience leaves the waiting to the next who asks."""
        if self.pid and self._end is None:
            wait = self._nursery.wait if self._nursery is not None else self._process.wait if self._process else None
            self._end = None if wait is None else asyncio.create_task(asyncio.to_thread(wait))
        if (end := self._end) is not None:
            # A thread that reads cannot be called off: left alone it would swallow what the next one waits for.
            await asyncio.shield(end)
            if self._end is end:
                # At once: whoever asks from now on must not wait for the end of a process that comes after it.
                self._end, self.pid = None, 0
        if (strace := self._strace) is not None:
            self._strace = None
            await asyncio.to_thread(strace.communicate)

    @property
    def alive(self) -> bool:
        """Whether the process runs; a dead one whose end nobody has noticed yet does not."""
        status = Path(f"/proc/{self.pid}/status")
        return bool(self.pid) and status.exists() and "State:\tZ" not in status.read_text()

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


def _popen(
    command: list[str],
    log: Path | None,
    *,
    pipes: bool,
    crash_at: str = "",
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    environment = {**os.environ, "PRILAVOK_CRASH_AT": crash_at, **(environment or {})}
    stream = subprocess.PIPE if pipes else subprocess.DEVNULL
    with log.open("a") if log is not None else contextlib.nullcontext() as errors:
        return subprocess.Popen(
            command, stdin=stream, stdout=stream, stderr=errors, text=True, env=environment, start_new_session=True
        )


def _die_with_parent() -> None:
    """A harness that is killed leaves no hubs behind. Linux only; elsewhere they stay."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _quiet(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=PIPE)


def main() -> None:
    """The nursery: a hub for each line "<configuration>|<log>|<crash point>|<held>"; says its number, and its end."""
    # Here and not above: only the nursery needs the seconds that these take.
    import bot.channels.telegram_files  # noqa: F401
    import prilavok.hub  # noqa: F401
    from prilavok import cli

    _die_with_parent()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        configuration, log, crash_at, held = line.strip().split("|")
        pid = os.fork()
        if pid == 0:
            os.setsid()
            _die_with_parent()
            for number, path in ((1, os.devnull), (2, log)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), number)
            crash.arm(crash_at)
            if held:
                os.kill(os.getpid(), signal.SIGSTOP)
            cli.run(Path(configuration))
            os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main()
