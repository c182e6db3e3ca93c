"""A backup becomes a running shop again, somewhere where there is none.

The world has gone on since the backup was made. Messages that waited to be sent then have been sent, most likely, so
they are held for a person; and the ids and order numbers that were given out since are on buyers' screens, so they are
never given out again. Money comes to no harm by itself: a payment is made under a key of its own and then asked about.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import search
from company.tables import ChannelAccount, Shop
from company.texts import Texts
from inbox import restored as talk
from inbox import searching
from kit.clock import utc_now
from kit.config import Config
from kit.secrets import SecretBox, WrongKey
from orders import checkout, reserving
from orders.tables import Order
from payments.tables import PaymentAccount
from prilavok import backup, installation
from prilavok.backup import Manifest
from storage import fitness, migrate, restored, snapshot
from storage.refusals import InstallationRefused

WEEK = timedelta(days=7)

LEAST_NUMBERS = 100
"""Order numbers that are left out at least."""

GRACE = timedelta(minutes=15)
"""Unpaid orders live at least so long more: the provider must be asked first whether they were paid meanwhile."""

INCOMING = "incoming.handle"


class NewerBackup(InstallationRefused):
    """The backup was made by a release that is newer than this one."""

    def __init__(self, manifest: Manifest) -> None:
        super().__init__(
            f"The backup was made by Prilavok {manifest.prilavok} (tables {manifest.tables}), which is newer than this "
            f"one ({migrate.newest()}): install that version or a later one."
        )


class OtherDatabase(InstallationRefused):
    """A backup of PostgreSQL does not become an SQLite file."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a person should know now."""

    manifest: Manifest
    held: int
    """Messages that wait for a person to send them again."""
    unhandled: int
    """Buyers' messages and presses that will be handled at the start."""
    numbers: dict[str, int]
    """The shop's name → the last order number that is left out; empty where nothing ran after the backup."""
    key_fits: bool
    """Whether the configured secret_key opens the tokens and payment keys."""


def restore(source: Path, config: Config, *, send: bool = False) -> Restored:
    """Bring the backup to the empty place that the configuration names. Killed in the middle, it may be run again.

    A backup of an SQLite file may become a PostgreSQL database: that is how a shop that has grown moves.

    `send`: nothing ran after the backup, as in a move: what waited to be sent is sent, and no number is left out.
    Raises backup.Damaged, NewerBackup, OtherDatabase, snapshot.NotEmpty, snapshot.OtherSchema, snapshot.NoTool,
    storage.moving.DoesNotFit.
    """
    manifest = backup.verify(source)
    if manifest.tables not in migrate.known():
        raise NewerBackup(manifest)
    here = snapshot.kind_of(config.database)
    if here == "sqlite" != manifest.kind:
        raise OtherDatabase("The backup is one of PostgreSQL: it does not become an SQLite file.")
    fitness.check(config.database)
    snapshot.refuse_unless_empty(config.database)
    _bring_files(source, config.files)
    if here == "sqlite":
        return _into_sqlite(source, manifest, config, send=send)
    if manifest.kind == "sqlite":
        return _moved_to_postgres(source, manifest, config, send=send)
    return _into_postgres(source, manifest, config, send=send)


def _bring_files(source: Path, folder: Path) -> None:
    """Before the database, as always: no row without its file. What is there and whole is kept."""
    for path in backup.files_of(source):
        target = folder / path.name[:2] / path.name
        if backup.sum_of(target) == path.name:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".new-{path.name}")
        partial.unlink(missing_ok=True)
        if not backup.copy_whole(path, partial, path.name):
            raise backup.Damaged(source, f"the file {path.name} changed while it was read")
        partial.replace(target)
    if folder.exists():
        for each, _, _ in os.walk(folder):
            backup.sync(Path(each))


def _into_sqlite(source: Path, manifest: Manifest, config: Config, *, send: bool) -> Restored:
    """Everything is done to a file beside its place, which gets its name when it is ready."""
    target = Path(sa.make_url(config.database).database or "")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.restoring")
    _clear(partial)
    url = _newest(source, manifest, partial)
    result = installation.within(url, lambda session: _settle(session, manifest, config, send=send))
    if any(Path(f"{partial}{suffix}").exists() for suffix in snapshot.SIDE_FILES):
        raise RuntimeError(f"{partial} is still open")
    backup.sync(partial)
    # Unlike a rename, a link does not replace what somebody may have put there meanwhile.
    target.hardlink_to(partial)
    backup.sync(target.parent)
    _clear(partial)
    return result


def _newest(source: Path, manifest: Manifest, partial: Path) -> str:
    """A copy of the backup's SQLite file with this release's tables. Gives its address."""
    if not backup.copy_whole(source / manifest.database, partial, manifest.database_sha256):
        raise backup.Damaged(source, f"{manifest.database} changed while it was read")
    url = f"sqlite:///{partial}"
    migrate.upgrade(url, restoring=True)
    return url


def _clear(partial: Path) -> None:
    for suffix in ("", *snapshot.SIDE_FILES, ".lock", ".migrating"):
        Path(f"{partial}{suffix}").unlink(missing_ok=True)


def _into_postgres(source: Path, manifest: Manifest, config: Config, *, send: bool) -> Restored:
    """A table stands beside the others until everything is done; no hub opens while it is there."""
    url = config.database
    snapshot.put_into_postgres(url, source / manifest.database, schema=manifest.schema, mark=migrate.UNFINISHED)
    migrate.upgrade(url, restoring=True)
    return installation.within(url, lambda session: _finished(_settle(session, manifest, config, send=send), session))


def _moved_to_postgres(source: Path, manifest: Manifest, config: Config, *, send: bool) -> Restored:
    """Row by row, from a copy that is brought to this release's tables first."""
    # Whoever stays with SQLite need not have the driver.
    from storage import moving

    url = config.database
    snapshot.mark(url, migrate.UNFINISHED)
    migrate.upgrade(url, restoring=True)
    with tempfile.TemporaryDirectory(prefix="prilavok-") as folder:
        copy = sa.create_engine(_newest(source, manifest, Path(folder) / "shop.db"))

        def bring(session: Session) -> Restored:
            with copy.connect() as rows:
                moving.bring(rows, session.connection())
            searching.forget_all(session)
            for shop_id in session.scalars(sa.select(Shop.id)).all():
                search.index_all(session, shop_id)
            return _finished(_settle(session, manifest, config, send=send), session)

        try:
            return installation.within(url, bring)
        finally:
            copy.dispose()


def _finished(result: Restored, session: Session) -> Restored:
    """Hubs may open the PostgreSQL database from now on."""
    session.execute(sa.text(f"DROP TABLE {migrate.UNFINISHED}"))
    return result


def _settle(session: Session, manifest: Manifest, config: Config, *, send: bool) -> Restored:
    made_at = datetime.fromisoformat(manifest.made_at)
    restored.void_leases(session)
    restored.put_off(session, reserving.EXPIRE, utc_now() + GRACE)
    held, numbers = 0, {}
    if not send:
        held, texts = talk.hold(session), Texts()
        talk.tell_staff(session, lambda locale: texts.say("inbox.restored", locale, at=f"{made_at:%d.%m.%Y %H:%M} UTC"))
        numbers = {shop.name: _skip_numbers(session, shop) for shop in session.scalars(sa.select(Shop))}
    restored.write_down(session, made_at, held)
    return Restored(
        manifest=manifest,
        held=held,
        unhandled=restored.count_waiting(session, INCOMING),
        numbers=numbers,
        key_fits=_opens(session, SecretBox(config.secret_key.get_secret_value())),
    )


def _skip_numbers(session: Session, shop: Shop) -> int:
    """As many order numbers as a week before the backup had, and up to a round one."""
    newest = session.scalar(sa.select(sa.func.max(Order.created_at)).where(Order.shop_id == shop.id))
    week = 0
    if newest is not None:
        query = sa.select(sa.func.count()).where(Order.shop_id == shop.id, Order.created_at > newest - WEEK)
        week = session.scalar(query) or 0
    last = checkout.skip_numbers(session, shop.id, max(LEAST_NUMBERS, week))
    return checkout.skip_numbers(session, shop.id, -last % LEAST_NUMBERS)


def _opens(session: Session, box: SecretBox) -> bool:
    """Whether every sealed secret of an active account opens."""
    sealed = [
        *session.scalars(sa.select(ChannelAccount.secret).where(ChannelAccount.active)),
        *session.scalars(sa.select(PaymentAccount.secret).where(PaymentAccount.active)),
    ]
    try:
        for each in filter(None, sealed):
            box.open(each)
    except WrongKey:
        return False
    return True
