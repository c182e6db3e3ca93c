"""F12 and F13: somebody else holds SQLite's write lock, and the disk is full."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.experiments.base import Ask, Experiment
from tests.faults.run import Trial, trade

SHORT = 4.0
"""Seconds of a lock that a buyer must not notice as an error: less than the hub waits for it."""

LONGEST_LOCK = 30.0

DISK = 48
"""Megabytes of the small disk."""

FULL_FOR = (1.0, 4.0)


async def locks(ask: Ask) -> None:
    """One lock in five is held for up to half a minute, the others for less than the hub waits."""
    ask.told(await trade(ask.plan(database=""), _hold_the_lock, ask.size))


async def _hold_the_lock(trial: Trial) -> None:
    await trial.serve_a_while(1.0)
    long = trial.dice.random() < 0.2
    seconds = trial.dice.uniform(SHORT, LONGEST_LOCK) if long else trial.dice.uniform(0.1, SHORT)
    began = time.monotonic()
    await asyncio.to_thread(_lock, trial.place.folder / "shop.db", seconds, trial)
    trial.note_window()
    trial.report.faults["write lock held"] += 1
    await trial.sign_of_life(began)
    if not long:
        errors = sum(window.errors for window in trial.windows)
        trial.demand(errors == trial.errors_before, f"a visitor was refused during a lock of {seconds:.1f} s")
    trial.errors_before = sum(window.errors for window in trial.windows)


def _lock(path: Path, seconds: float, trial: Trial) -> None:
    other = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            trial.note_window()
            time.sleep(0.05)
        other.execute("ROLLBACK")
    finally:
        other.close()


async def full_disk(ask: Ask) -> None:
    """The hub's whole folder is on a disk that fills up: database, WAL, files. Needs the right to mount."""
    with small_disk() as root:
        ask.told(await trade(ask.plan(database="", root=root), _fill_up, ask.size))


async def _fill_up(trial: Trial) -> None:
    await trial.serve_a_while(1.5)
    ballast = trial.place.folder / "ballast"
    fill(ballast)
    trial.report.faults["disk full"] += 1
    # A WAL that is there already has room for a while; then nothing can be stored any more.
    red = await trial.turns_red(within=30)
    until = time.monotonic() + trial.dice.uniform(*FULL_FOR)
    while time.monotonic() < until:
        trial.note_window()
        fill(ballast)
        await asyncio.sleep(0.1)
    trial.demand(red, "the hub called itself ready on a full disk")
    trial.note_window()
    freed = time.monotonic()
    ballast.unlink()
    await trial.sign_of_life(freed)
    await trial.hub.ready()


def fill(path: Path) -> None:
    """Take what is left of the disk, to the last byte."""
    with path.open("ab", buffering=0) as file:
        for piece in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * piece)


@contextlib.contextmanager
def small_disk(megabytes: int = DISK) -> Iterator[Path]:
    """A file system in memory of this size. Raises PermissionError where it may not be mounted."""
    if os.geteuid() != 0:
        raise PermissionError("this experiment mounts a small disk, which only root may do")
    with tempfile.TemporaryDirectory(prefix="prilavok-disk-") as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", name], check=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


F12 = Experiment("another process holds SQLite's write lock for 0.1 to 30 s", locks, release=100, quick=5)
F13 = Experiment("the disk is full", full_disk, release=80, quick=3)
