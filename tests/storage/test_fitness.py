"""A database that cannot keep what it is given is refused, or warned of, before a shop opens on it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from storage import fitness
from storage.fitness import UnfitDatabase

MOUNTS = r"""
22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
25 22 0:20 / /proc rw - proc proc rw
40 22 0:44 / /mnt/share rw,relatime shared:5 - nfs4 nas:/shop rw
41 40 254:2 / /mnt/share/local rw - xfs /dev/vdb rw
42 22 0:45 / /mnt/with\040blank rw - cifs //nas/shop rw
43 22 0:46 / /srv rw - ext4 /dev/vdc rw
44 43 0:47 / /srv rw - virtiofs host rw
"""


@pytest.fixture
def careless(request: pytest.FixtureRequest) -> str:
    """A server's address with synchronous_commit off."""
    url: str = request.getfixturevalue("_postgres_schema")
    return url


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/prilavok/shop.db", "ext4"),
        ("/mnt/share/shop.db", "nfs4"),
        ("/mnt/share/local/deep/shop.db", "xfs"),
        ("/mnt/shared/shop.db", "ext4"),
        ("/mnt/with blank/shop.db", "cifs"),
        ("/srv/shop.db", "virtiofs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(path: str, kind: str) -> None:
    assert fitness.file_system(Path(path), MOUNTS) == kind


def test_sqlite_on_a_shared_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 0:4 / / rw - ext4 /dev/a rw\n23 22 0:5 / {tmp_path} rw - 9p host rw\n")
    monkeypatch.setattr(fitness, "MOUNTS", mounts)
    with pytest.raises(UnfitDatabase, match="kind 9p"):
        fitness.check(f"sqlite:///{tmp_path}/data/shop.db")


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_the_versions_with_the_wal_reset_bug_are_known(version: tuple[int, ...], affected: bool) -> None:
    assert fitness.resets_wal(version) is affected


def test_an_affected_sqlite_is_warned_of_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 40, 1))
    with caplog.at_level(logging.WARNING):
        fitness.check(f"sqlite:///{tmp_path}/shop.db")
    assert [record.name for record in caplog.records] == ["storage.fitness"]


@pytest.mark.parametrize("value", ["on", "local", "remote_apply"])
def test_a_server_that_keeps_what_it_acknowledges_is_not_warned_of(value: str) -> None:
    assert fitness.unsafe({"fsync": "on", "synchronous_commit": value, "full_page_writes": "on"}) == []


@pytest.mark.postgres
def test_a_server_that_may_lose_what_it_acknowledged_is_warned_of(
    careless: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        fitness.check(careless)
    assert "synchronous_commit = off" in caplog.text


@pytest.mark.postgres
def test_an_old_server_is_refused_with_words(careless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitness, "OLDEST_POSTGRES", 99)
    with pytest.raises(UnfitDatabase, match="needs 99 or newer"):
        fitness.check(careless)
