"""Dated backups in one folder: a new one each time, and the oldest ones go."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.clock import utc_now
from prilavok import backup
from prilavok.backup import Damaged, Manifest
from storage.refusals import InstallationRefused

_NAME = re.compile(r"prilavok-\d{8}T\d{6}Z")
_LOCK = ".prilavok-backup.lock"


class Busy(InstallationRefused):
    """Another backup is being made into the same folder."""


def rotate(database: str, files: Path, folder: Path, *, keep: int) -> tuple[Path, Manifest, list[Path]]:
    """Make a backup in `folder` and remove ours beyond the newest `keep`. Gives it, its manifest, and what went.

    Nothing is removed before the new one is whole. Files that did not change are kept once for all of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        for left in folder.glob(".prilavok-*Z.part-*"):
            # Of a backup that was killed: while we hold the lock nobody is making one.
            shutil.rmtree(left)
        before = whole_ones(folder)
        target = folder / utc_now().strftime("prilavok-%Y%m%dT%H%M%SZ")
        manifest = backup.make(database, files, target, earlier=before[-1] if before else None)
        gone = before[: max(0, len(before) + 1 - keep)]
        for old in gone:
            # Renamed first: what is killed in the middle of this must not look like a backup.
            shutil.rmtree(old.rename(folder / f".{old.name}.part-gone"))
    return target, manifest, gone


def whole_ones(folder: Path) -> list[Path]:
    """Our dated backups in the folder, the oldest first. Only what has our name and a manifest is ever touched."""
    found = []
    for path in sorted(folder.iterdir()):
        if _NAME.fullmatch(path.name):
            try:
                backup.read(path)
            except Damaged:
                continue
            found.append(path)
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"Another backup is being made in {folder}.") from None
        yield
    finally:
        os.close(handle)
