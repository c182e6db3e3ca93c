"""What a backup holds, what a restore refuses, and what it does not send again."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.orm import Session

from company import accounts
from customers import identities
from inbox import conversations, delivered, messages
from inbox.content import Outgoing
from inbox.tables import Author, Conversation, Delivery, Message
from kit.clock import now_ms
from kit.config import Config
from kit.secrets import SecretBox
from orders import checkout
from prilavok import backup, installation, rotation
from prilavok.backup import Damaged, Taken
from prilavok.restore import NewerBackup, OtherDatabase, restore
from storage import migrate, snapshot
from storage.files import FileStore, record
from storage.snapshot import NotEmpty, NoTool
from storage.tables import EventRow, Job, Lane
from tests.installation.conftest import ENGINES, server
from tests.installation.databases import bare_database

KEY = "a5c1f07e93d2b4868b1c7d0e2f3a4958f60718293a4b5c6d"
TOKEN = "7007:canary-token-of-the-bot"
PHOTO, LETTER = b"bytes of a photo", b"bytes of a letter"


@dataclass(frozen=True, slots=True)
class Original:
    """A shop and a backup of it, for all tests of one engine."""

    config: Config
    backup: Path
    sqlite: bool


@pytest.fixture(scope="module", params=ENGINES)
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    folder = tmp_path_factory.mktemp("original")
    sqlite = request.param == "sqlite"
    with nullcontext(f"sqlite:///{folder}/shop.db") if sqlite else bare_database(server()) as database:
        config = Config(secret_key=SecretStr(KEY), database=database, files=folder / "files")
        installation.prepare(config)
        installation.within(config.database, lambda session: _fill(session, FileStore(config.files)))
        backup.make(config.database, config.files, folder / "backup")
        yield Original(config, folder / "backup", sqlite)


@pytest.fixture
def place(original: Original) -> Config:
    return original.config


@pytest.fixture
def made(original: Original, tmp_path: Path) -> Path:
    """A backup of the place, to do with as one likes."""
    shutil.copytree(original.backup, tmp_path / "backup", copy_function=shutil.copy2)
    return tmp_path / "backup"


@pytest.fixture
def elsewhere(original: Original, tmp_path: Path) -> Iterator[Config]:
    """An empty place on another machine."""
    there = tmp_path / "elsewhere"
    with nullcontext(f"sqlite:///{there}/shop.db") if original.sqlite else bare_database(server()) as database:
        yield original.config.model_copy(update={"database": database, "files": there / "files"})


def _fill(session: Session, files: FileStore) -> None:
    shop = installation.the_shop(session)
    account = accounts.add_channel(
        session, SecretBox(KEY), shop, channel="telegram", name="Bot", external_id="7007", secret=TOKEN
    )
    for data in (PHOTO, LETTER):
        record(session, files.keep(data), name="file", shop_id=shop.id)
    anna = identities.recognise(session, account, external_id="1000", name="Анна", locale="ru")
    chat = conversations.open_for(session, account, "1000", customer_id=anna.customer_id, locale="ru")
    for text, state in (("sent", Delivery.SENT), ("sending", Delivery.SENDING), ("queued", Delivery.QUEUED)):
        (message,) = messages.say(session, chat, Outgoing(text=text), author=Author.BOT)
        message.delivery = state
        if state is Delivery.SENT:
            session.execute(sa.update(Job).values(state="done", closed_at=1))
    checkout.skip_numbers(session, shop.id, 41)
    session.add(Lane(lane=f"out:{chat.id}", lease_until=now_ms() + 30_000))


def states(config: Config) -> dict[str, str]:
    def look(session: Session) -> dict[str, str]:
        rows = session.execute(sa.select(Message.text, Message.delivery).where(Message.author == Author.BOT))
        return {text: str(state) for text, state in rows}

    return installation.within(config.database, look)


def waiting(config: Config) -> list[str]:
    """Kinds of the jobs that will run at the start."""
    query = sa.select(Job.kind).where(Job.state == "ready").order_by(Job.id)
    return installation.within(config.database, lambda session: list(session.scalars(query)))


def sum_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_backup_is_whole_and_for_nobody_else_to_read(made: Path) -> None:
    manifest = backup.verify(made)
    assert manifest.files == 2
    assert manifest.counts["message"] == 3
    assert manifest.tables == migrate.newest()
    assert {path.stat().st_mode & 0o077 for path in made.rglob("*") if path.is_file()} == {0}
    assert made.stat().st_mode & 0o077 == 0


def test_neither_the_key_nor_a_token_is_in_a_backup(made: Path) -> None:
    parts = [path.read_bytes() for path in made.rglob("*") if path.is_file()]
    if (made / "database.dump").exists():
        tool = snapshot.find_tool("pg_restore", 1)
        parts.append(subprocess.run([tool, "--file=-", made / "database.dump"], capture_output=True, check=True).stdout)
        assert b"COPY" in parts[-1]
    for part in parts:
        assert KEY.encode() not in part
        assert TOKEN.encode() not in part
        assert KEY[:16].encode() not in part


def test_a_backup_never_overwrites(place: Config, made: Path) -> None:
    before = (made / backup.MANIFEST).read_bytes()
    with pytest.raises(Taken):
        backup.make(place.database, place.files, made)
    assert (made / backup.MANIFEST).read_bytes() == before


def test_a_restored_shop_has_every_row_and_file(place: Config, made: Path, elsewhere: Config) -> None:
    result = restore(made, elsewhere)
    assert result.key_fits
    assert FileStore(elsewhere.files).path(sum_of(PHOTO)).read_bytes() == PHOTO
    assert FileStore(elsewhere.files).path(sum_of(LETTER)).read_bytes() == LETTER
    installation.prepare(elsewhere)
    with pytest.raises(NotEmpty):
        restore(made, elsewhere)


def test_what_waited_to_be_sent_is_held_for_a_person(made: Path, elsewhere: Config) -> None:
    """It was sent after the backup, most likely: nobody gets it twice."""
    result = restore(made, elsewhere)
    assert result.held == 2
    assert states(elsewhere) == {"sent": "sent", "sending": "unknown", "queued": "unknown"}
    assert waiting(elsewhere) == []


def test_a_held_message_may_be_sent_again_by_hand(made: Path, elsewhere: Config) -> None:
    restore(made, elsewhere)

    def resend(session: Session) -> None:
        message = session.scalars(sa.select(Message).where(Message.text == "queued")).one()
        delivered.resend(session, session.get_one(Conversation, message.conversation_id), message)

    installation.within(elsewhere.database, resend)
    assert states(elsewhere)["queued"] == "queued"
    assert len(waiting(elsewhere)) == 1


def test_a_move_sends_what_waited(made: Path, elsewhere: Config) -> None:
    result = restore(made, elsewhere, send=True)
    assert (result.held, result.numbers) == (0, {})
    assert states(elsewhere) == {"sent": "sent", "sending": "sending", "queued": "queued"}
    assert waiting(elsewhere) == ["message.deliver", "message.deliver"]


def test_ids_and_numbers_that_were_given_out_later_are_never_given_again(
    place: Config, made: Path, elsewhere: Config
) -> None:
    """Buttons on buyers' screens carry a message's id, and orders are called by their number."""
    later = [installation.within(place.database, _goes_on) for _ in range(3)]
    restore(made, elsewhere)
    fresh = installation.within(elsewhere.database, _goes_on)
    assert all(new > old for facts in later for new, old in zip(fresh, facts, strict=True))
    assert fresh[2] % 100 == 1


def _goes_on(session: Session) -> tuple[int, int, int]:
    """A message, an event and an order number more."""
    chat = session.scalars(sa.select(Conversation)).first()
    assert chat is not None
    (message,) = messages.say(session, chat, Outgoing(text="later"), author=Author.STAFF)
    event = session.scalar(sa.select(sa.func.max(EventRow.id))) or 0
    return message.id, event, checkout.next_number(session, installation.the_shop(session).id)


def test_leases_of_the_dead_are_void_and_staff_are_told(made: Path, elsewhere: Config) -> None:
    restore(made, elsewhere)

    def look(session: Session) -> tuple[int, list[str]]:
        held = session.scalar(sa.select(sa.func.count()).where(Lane.lease_until > 0)) or 0
        return held, list(session.scalars(sa.select(Message.text).where(Message.private)))

    held, notes = installation.within(elsewhere.database, look)
    assert held == 0
    assert len(notes) == 1
    assert "резервной копии" in notes[0]


def test_another_key_is_said_aloud(made: Path, elsewhere: Config) -> None:
    other = elsewhere.model_copy(update={"secret_key": SecretStr(KEY[::-1])})
    assert not restore(made, other).key_fits


@pytest.mark.parametrize("victim", ["database", "a file", "a file less", "the manifest", "no manifest"])
def test_a_damaged_backup_is_refused_and_nothing_is_begun(victim: str, made: Path, elsewhere: Config) -> None:
    (database,) = made.glob("database.*")
    photo = FileStore(made / "files").path(sum_of(PHOTO))
    if victim == "a file less":
        photo.unlink()
    elif victim == "no manifest":
        (made / backup.MANIFEST).unlink()
    else:
        path = {"database": database, "a file": photo, "the manifest": made / backup.MANIFEST}[victim]
        data = bytearray(path.read_bytes())
        where = data.index(b'"files": 2') + 9 if victim == "the manifest" else len(data) // 2
        data[where] ^= 1
        path.write_bytes(data)
    with pytest.raises(Damaged):
        restore(made, elsewhere)
    assert not elsewhere.files.exists()
    snapshot.refuse_unless_empty(elsewhere.database)


def test_a_backup_of_a_newer_release_is_refused(made: Path, elsewhere: Config) -> None:
    manifest = replace(backup.read(made), tables="9999", prilavok="9.0")
    (made / backup.MANIFEST).write_bytes(backup._sealed(manifest))
    with pytest.raises(NewerBackup, match=r"Prilavok 9\.0"):
        restore(made, elsewhere)


@pytest.mark.parametrize("suffix", snapshot.SIDE_FILES)
def test_what_a_lost_sqlite_file_left_beside_it_is_refused(suffix: str, tmp_path: Path) -> None:
    """A stale -wal would be replayed into the restored file and spoil it."""
    config = Config(secret_key=SecretStr(KEY), database=f"sqlite:///{tmp_path}/shop.db", files=tmp_path / "files")
    installation.prepare(config)
    backup.make(config.database, config.files, tmp_path / "backup")
    there = tmp_path / "there" / "shop.db"
    there.parent.mkdir()
    Path(f"{there}{suffix}").write_bytes(b"of another file")
    with pytest.raises(NotEmpty, match=f"shop.db{suffix}"):
        restore(tmp_path / "backup", config.model_copy(update={"database": f"sqlite:///{there}"}))
    assert not there.exists()


def test_postgresql_does_not_become_an_sqlite_file(made: Path, elsewhere: Config, original: Original) -> None:
    if original.sqlite:
        manifest = replace(backup.read(made), kind="postgresql")
        (made / backup.MANIFEST).write_bytes(backup._sealed(manifest))
    with pytest.raises(OtherDatabase, match="does not become an SQLite file"):
        restore(made, elsewhere.model_copy(update={"database": f"sqlite:///{elsewhere.files}/shop.db"}))
    assert not elsewhere.files.exists()


def test_a_lost_file_does_not_keep_the_rest_from_being_backed_up(place: Config, tmp_path: Path) -> None:
    files = FileStore(tmp_path / "files")
    files.path(files.keep(LETTER).sha256).write_bytes(b"spoilt")
    backup.make(place.database, tmp_path / "files", tmp_path / "backup")
    assert set(backup.verify(tmp_path / "backup").missing) == {sum_of(PHOTO), sum_of(LETTER)}


def test_dated_backups_keep_the_newest_and_each_file_once(
    place: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "nightly"
    foreign = folder / "prilavok-notes"
    foreign.mkdir(parents=True)
    (folder / ".prilavok-20200101T000000Z.part-x").mkdir()
    made = []
    for night in range(3):
        monkeypatch.setattr(rotation, "utc_now", lambda night=night: datetime(2026, 11, 1 + night, tzinfo=UTC))
        path, _, gone = rotation.rotate(place.database, place.files, folder, keep=2)
        made.append(path)
    assert gone == made[:1]
    assert rotation.whole_ones(folder) == made[1:]
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == sorted(
        [foreign.name, *(path.name for path in made[1:])]
    )
    assert FileStore(made[2] / "files").path(sum_of(PHOTO)).stat().st_nlink == 2
    for path in made[1:]:
        backup.verify(path)


def test_a_killed_backup_looks_like_none(place: Config, tmp_path: Path) -> None:
    """Killed when everything is written and only the name is missing."""
    script = (
        "import os, signal, sys, pathlib\n"
        "from prilavok import backup\n"
        "pathlib.Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "backup.make(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))\n"
    )
    target = tmp_path / "backup"
    ended = subprocess.run([sys.executable, "-c", script, place.database, str(place.files), str(target)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not target.exists()
    backup.make(place.database, place.files, target)
    backup.verify(target)


@pytest.mark.postgres
def test_a_restore_that_was_cut_off_opens_no_shop(tmp_path: Path) -> None:
    """On SQLite the file gets its name at the very end; on PostgreSQL a mark stands until then."""
    with bare_database(server()) as there, bare_database(server()) as here:
        config = Config(secret_key=SecretStr(KEY), database=there, files=tmp_path / "files")
        installation.prepare(config)
        backup.make(there, config.files, tmp_path / "backup")
        dump = tmp_path / "backup" / "database.dump"
        snapshot.put_into_postgres(here, dump, schema="public", mark=migrate.UNFINISHED)
        other = config.model_copy(update={"database": here})
        with pytest.raises(migrate.UnfinishedRestore):
            installation.prepare(other)
        with pytest.raises(NotEmpty):
            restore(tmp_path / "backup", other)


def test_missing_and_old_programs_of_postgresql_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(snapshot, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoTool, match=r"not installed.*postgresql-client-16"):
        snapshot.find_tool("pg_dump", 16)
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 13.4'\n")
    old.chmod(0o755)
    with pytest.raises(NoTool, match="version 13 and the server of 16"):
        snapshot.find_tool("pg_dump", 16)
    assert snapshot.find_tool("pg_dump", 13) == str(old)
