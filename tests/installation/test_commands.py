"""What a person reads who makes a backup and restores it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kit import config
from prilavok import installation
from prilavok.cli import app
from storage.files import FileStore, record

KEY = "a5c1f07e93d2b4868b1c7d0e2f3a4958f60718293a4b5c6d"


def settings(folder: Path) -> Path:
    folder.mkdir()
    path = folder / "config.toml"
    path.write_text(
        f'secret_key = "{KEY}"\ndatabase = "sqlite:///{folder}/shop.db"\nfiles = "{folder}/files"\n', encoding="utf-8"
    )
    return path


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.output


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The settings of a shop with one file."""
    path = settings(tmp_path / "here")
    told = config.load(path)
    installation.prepare(told)
    blob = FileStore(told.files).keep(b"a photo")
    installation.within(told.database, lambda session: record(session, blob))
    return path


def test_a_backup_is_made_checked_and_restored_by_three_commands(here: Path, tmp_path: Path) -> None:
    status, words = run("backup", tmp_path / "backup", "--config", here)
    assert status == 0, words
    assert "1 of stored_file" in words
    assert "secret key is not in it" in words
    assert KEY not in words
    status, words = run("backup", "--verify", tmp_path / "backup")
    assert status == 0, words
    assert "is whole" in words
    status, words = run("restore", tmp_path / "backup", "--config", settings(tmp_path / "there"))
    assert status == 0, words
    assert "What came later is not here" in words
    assert "orders go on after number" in words


def test_a_backup_with_a_file_less_is_made_and_ends_as_a_failure(here: Path, tmp_path: Path) -> None:
    """So that a timer's unit turns red."""
    for path in (here.parent / "files").glob("*/*"):
        path.unlink()
    status, words = run("backup", "--keep", "3", tmp_path / "nightly", "--config", here)
    assert status == 1
    assert "missing or spoilt" in words
    (made,) = (tmp_path / "nightly").glob("prilavok-*")
    assert run("backup", "--verify", made)[0] == 0
