"""Whether the database may be trusted with what a buyer was told is kept."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from storage.refusals import InstallationRefused

logger = logging.getLogger(__name__)

OLDEST_POSTGRES = 14

SHARED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "vboxsf", "prl_fs", "afs", "ceph", "glusterfs", "lustre"}
    | {"fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.glusterfs", "fuse.ceph", "fuse.vmhgfs-fuse", "fuse.davfs2"}
    | {"fakeowner", "fuse.grpcfuse", "fuse.osxfs"}
)
"""File systems on which locks, or the shared memory of the write-ahead log, are not what SQLite needs: networks, and
folders that a virtual machine shares with its host."""

MOUNTS = Path("/proc/self/mountinfo")


class UnfitDatabase(InstallationRefused):
    """What is kept there could be lost or spoilt."""


def check(url: str) -> None:
    """Raises UnfitDatabase where it cannot go well, and warns in the log where it may not."""
    address = sa.make_url(url)
    if address.get_backend_name() != "sqlite":
        _check_postgres(address)
        return
    if address.database:
        check_mount(Path(address.database))
    if resets_wal(sqlite3.sqlite_version_info):
        logger.warning(
            "SQLite %s has the WAL-reset bug (mended in 3.44.6, 3.50.7 and 3.51.3). It needs two connections that "
            "write or make checkpoints at once; Prilavok has one that does both, so let no other program write",
            sqlite3.sqlite_version,
        )


def _check_postgres(address: sa.URL) -> None:
    engine = sa.create_engine(address.set(drivername="postgresql+psycopg"))
    try:
        with engine.connect() as connection:
            told = {
                name: str(connection.scalar(sa.text(f"SHOW {name}")))
                for name in ("server_version_num", "server_version", "fsync", "synchronous_commit", "full_page_writes")
            }
    finally:
        engine.dispose()
    if int(told["server_version_num"]) < OLDEST_POSTGRES * 10_000:
        raise UnfitDatabase(
            f"The PostgreSQL server is {told['server_version']}; Prilavok needs {OLDEST_POSTGRES} or newer."
        )
    for name in unsafe(told):
        logger.warning(
            "PostgreSQL has %s = off: what buyers were told is stored may be lost when the server or its machine dies. "
            "Switch it on",
            name,
        )


def unsafe(told: dict[str, str]) -> list[str]:
    """The settings that break the promise that nothing acknowledged is lost."""
    return [name for name in ("fsync", "synchronous_commit", "full_page_writes") if told[name] == "off"]


def resets_wal(version: tuple[int, ...]) -> bool:
    """Whether this SQLite may spoil a database whose log is reset while another connection writes.

    Source: https://sqlite.org/wal.html#walresetbug
    """
    mended = (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51) or version >= (3, 51, 3)
    return version >= (3, 7, 0) and not mended


def check_mount(path: Path) -> None:
    """Raises UnfitDatabase if an SQLite file would lie where its locks do not hold."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        # Not Linux: nothing is known, and nothing is refused.
        return
    kind = file_system(path.absolute(), mounts)
    if kind in SHARED:
        raise UnfitDatabase(
            f"{path} would lie on a file system of the kind {kind}, on which SQLite can lose or spoil data: "
            "put it on a disk of this machine, or use PostgreSQL."
        )


def file_system(path: Path, mounts: str) -> str:
    """The kind of the file system that holds the path, which need not exist yet; "" if the mounts do not tell.

    `mounts` is the text of /proc/self/mountinfo; source: https://docs.kernel.org/filesystems/proc.html
    """
    there = path.resolve()
    best, kind = -1, ""
    for line in mounts.splitlines():
        place, _, rest = line.partition(" - ")
        fields = place.split(" ")
        if len(fields) < 5 or not rest:
            continue
        # Blanks and the like are written as three octal digits.
        point = Path(fields[4].encode().decode("unicode_escape"))
        # The last of several on one place covers the others.
        if there.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), rest.split(" ")[0]
    return kind
