"""A backup: a folder with the database as it was at one moment, every file that it names, and a manifest.

    manifest.json     what is in it, by whom and when it was made, and the sums
    database.sqlite   or database.dump
    files/ab/ab12…    as in the files folder: each by its SHA-256

The database is taken first, the files after it. A file is durable before the row that names it, and is never changed,
so whatever the database of an earlier moment names is there a moment later. It is made under a temporary name and
renamed when it is whole and on the disk. The key that opens sealed secrets is not in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from kit.clock import utc_now
from storage import snapshot
from storage.refusals import InstallationRefused

FORMAT = 1
MANIFEST = "manifest.json"
FILES = "files"
CHUNK = 1 << 20

COUNTED = ("customer", "conversation", "message", "order", "payment", "product", "stored_file")
"""Tables whose rows a person would miss first."""


class Taken(InstallationRefused):
    """There is something at the place where the backup should be made."""


class Damaged(InstallationRefused):
    """The backup is not what it was when it was made, or is none. Restoring it would bring back half of a shop."""

    def __init__(self, backup: Path, why: str) -> None:
        super().__init__(f"{backup} cannot be used: {why}. Take another backup.")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    prilavok: str
    made_at: str
    """ISO 8601, UTC: the moment of the database."""
    kind: str
    """sqlite or postgresql."""
    tables: str
    """The version of the tables."""
    schema: str
    """PostgreSQL's name of the schema; empty on SQLite."""
    database: str
    """The file's name."""
    database_bytes: int
    database_sha256: str
    files: int
    files_bytes: int
    files_sha256: str
    """The sum of the names, which are sums themselves."""
    missing: tuple[str, ...]
    """Files that the database names and the files folder did not have, or had spoilt, already."""
    counts: dict[str, int]
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file that the database names."""

    sha256: str
    size: int

    def under(self, folder: Path) -> Path:
        return folder / self.sha256[:2] / self.sha256


def make(database: str, files: Path, target: Path, *, earlier: Path | None = None) -> Manifest:
    """Make a backup at `target`, which must not exist, while the hub may run.

    Files that the `earlier` backup has are linked to its own, so that they take no room twice. Raises Taken,
    snapshot.NothingThere, snapshot.NoTool.
    """
    if target.exists():
        raise Taken(f"{target} is there already: a backup never overwrites anything.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.part-", dir=target.parent))
    try:
        manifest = _fill(partial, database, files, earlier)
        _write(partial / MANIFEST, _sealed(manifest))
        for folder, _, _ in os.walk(partial):
            sync(Path(folder))
        partial.rename(target)
        sync(target.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return manifest


def _fill(partial: Path, database: str, files: Path, earlier: Path | None) -> Manifest:
    kind = snapshot.kind_of(database)
    copy = partial / ("database.sqlite" if kind == "sqlite" else "database.dump")
    made_at = utc_now().isoformat(timespec="seconds")
    with snapshot.taken(database, copy) as connection:
        tables = connection.scalar(sa.text("SELECT version_num FROM alembic_version")) or ""
        schema = connection.scalar(sa.text("SELECT current_schema()")) if kind == "postgresql" else ""
        counts = {name: connection.scalar(sa.text(f'SELECT COUNT(*) FROM "{name}"')) or 0 for name in COUNTED}  # noqa: S608
        rows = connection.execute(sa.text("SELECT sha256, MAX(size) FROM stored_file GROUP BY sha256 ORDER BY sha256"))
        wanted = [_Wanted(sha256, size) for sha256, size in rows]
    copy.chmod(0o600)
    sync(copy)
    kept = [each for each in wanted if _keep(each, files, partial / FILES, earlier and earlier / FILES)]
    names = {each.sha256 for each in kept}
    return Manifest(
        prilavok=version("prilavok"),
        made_at=made_at,
        kind=kind,
        tables=tables,
        schema=schema or "",
        database=copy.name,
        database_bytes=copy.stat().st_size,
        database_sha256=sum_of(copy),
        files=len(kept),
        files_bytes=sum(each.under(partial / FILES).stat().st_size for each in kept),
        files_sha256=_sum_of_names(names),
        missing=tuple(each.sha256 for each in wanted if each.sha256 not in names),
        counts=counts,
    )


def _keep(wanted: _Wanted, files: Path, into: Path, earlier: Path | None) -> bool:
    """Bring the file into the backup. False if the folder does not have it whole."""
    target = wanted.under(into)
    target.parent.mkdir(parents=True, exist_ok=True)
    if earlier is not None and sum_of(wanted.under(earlier)) == wanted.sha256:
        with contextlib.suppress(OSError):
            target.hardlink_to(wanted.under(earlier))
            return True
    return copy_whole(wanted.under(files), target, wanted.sha256)


def copy_whole(source: Path, target: Path, sha256: str) -> bool:
    """Copy durably if the bytes have this sum; otherwise leave nothing and say False."""
    digest = hashlib.sha256()
    try:
        with source.open("rb") as old, target.open("xb") as new:
            target.chmod(0o600)
            while chunk := old.read(CHUNK):
                digest.update(chunk)
                new.write(chunk)
            new.flush()
            os.fsync(new.fileno())
    except FileNotFoundError:
        return False
    if digest.hexdigest() != sha256:
        target.unlink()
        return False
    return True


def verify(backup: Path) -> Manifest:
    """Read everything and compare the sums. Raises Damaged, saying what is wrong."""
    manifest = read(backup)
    copy = backup / manifest.database
    if sum_of(copy) != manifest.database_sha256:
        raise Damaged(backup, f"the sum of {manifest.database} is not the one that it was made with")
    if manifest.kind == "sqlite":
        with snapshot.opened(copy) as connection:
            said = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
            if said != "ok":
                raise Damaged(backup, f"SQLite says of {manifest.database}: {said}")
    names = set()
    for path in files_of(backup):
        if sum_of(path) != path.name:
            raise Damaged(backup, f"the sum of the file {path.name} is another one")
        names.add(path.name)
    if len(names) != manifest.files or _sum_of_names(names) != manifest.files_sha256:
        raise Damaged(backup, f"it holds {len(names)} files where {manifest.files} were kept")
    return manifest


def read(backup: Path) -> Manifest:
    """The manifest alone. Raises Damaged."""
    try:
        raw: dict[str, Any] = orjson.loads((backup / MANIFEST).read_bytes())
        sealed = raw.pop("sum")
        if raw.get("format") != FORMAT:
            raise Damaged(backup, f"its form is {raw.get('format')}, and this Prilavok knows {FORMAT}")
        manifest = Manifest(**{**raw, "missing": tuple(raw["missing"])})
    except FileNotFoundError:
        raise Damaged(backup, f"there is no {MANIFEST} in it, so it is no whole backup") from None
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise Damaged(backup, f"{MANIFEST} cannot be read") from None
    if sealed != _sum(manifest):
        raise Damaged(backup, f"{MANIFEST} was changed")
    return manifest


def files_of(backup: Path) -> Iterator[Path]:
    for path in sorted((backup / FILES).glob("*/*")):
        if path.is_file():
            yield path


def sum_of(path: Path) -> str:
    """SHA-256 in hexadecimal; empty if there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def sync(path: Path) -> None:
    """Make a file, or what a folder lists, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)
    sync(path)


def _sealed(manifest: Manifest) -> bytes:
    return orjson.dumps({**asdict(manifest), "sum": _sum(manifest)}, option=orjson.OPT_INDENT_2) + b"\n"


def _sum(manifest: Manifest) -> str:
    return hashlib.sha256(orjson.dumps(asdict(manifest), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _sum_of_names(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
