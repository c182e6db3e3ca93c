"""What a person reads who makes a backup and restores it."""

from __future__ import annotations

import json
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": "no-such-host.invalid"}, "host is no address of this machine"),
        ({"host": "203.0.113.7"}, "host is no address of this machine"),
        ({"database": "sqlite:////proc/none/shop.db"}, "/proc/none: No such file or directory"),
        ({"files": "config.toml"}, "config.toml: File exists"),
    ],
)
def test_what_the_machine_refuses_is_said_in_words(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    path = settings(tmp_path / "here")
    told = {"secret_key": KEY, "database": "sqlite:///shop.db", "files": "files", **changes}
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in told.items()) + "port = 0\n")
    command = [sys.executable, "-c", "from prilavok.cli import main; main()", "run"]
    ended = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False), ended.stderr
    assert words in ended.stderr


@pytest.mark.parametrize("name", ["", "   ", "Анна\n"])
def test_nobody_works_here_without_a_name(tmp_path: Path, name: str) -> None:
    path = settings(tmp_path / "here")
    result = CliRunner().invoke(
        app, ["staff", "add", "a@mail.example", "--name", name, "--config", str(path)], input="серый туман над водой\n"
    )
    assert result.exit_code == 2
    assert "--name must be a name" in result.output
