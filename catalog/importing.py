"""Files of goods: written down, checked, and after a person's word taken into the catalogue.

A file is checked against the catalogue in portions that only read. It is applied in portions of one transaction each,
so that messages do not wait: a row is done in the transaction that says so, whole or not at all, and after a crash
the next portion goes on where the last one ended. What was changed by others since the check is not overwritten.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import import_apply, import_columns, import_rows, listing, stock
from catalog.events import CatalogImported
from catalog.import_columns import Column
from catalog.import_rows import Plan, Row, RowRefused
from catalog.tables import Import, ImportRow, ImportState, Outcome
from company.tables import Shop
from kit.clock import utc_now
from kit.errors import Missing, Problem, Refused
from storage import jobs
from storage.database import Database
from storage.events import publish
from storage.jobs import Again, Effect, Handler, Job

CHECK, APPLY = "catalog.import.check", "catalog.import.apply"

WRITTEN = 2000
"""Rows that are written down in one transaction."""
CHECKED = 100
"""Rows that are checked before others have their turn."""
APPLIED = 20
AT_ONCE = 0.1
"""Rows that are applied in one transaction, as many of them as so many seconds have room for: on SQLite everybody else
waits for it."""
BREATH = 0.02
"""Seconds between two such transactions, in which those who waited have their turn."""

KEPT = timedelta(days=30)
"""How long a file's rows stay to be looked at."""


class NoSuchImport(Missing):
    code = "no_such_import"


class ImportGoesOn(Refused):
    """What is asked for fits another moment: the file is being worked on, or is done."""

    code = "import_goes_on"


class ImportCutOff(Refused):
    """The file was not written down to its end."""

    code = "import_cut_off"


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by what they do; `done` of them is behind us, `left` is still to be applied. `kept` are those of an import
    taken back on which something was changed since; `in_catalogue` are still to be taken back."""

    new: int
    changed: int
    same: int
    wrong: int
    done: int
    left: int
    kept: int = 0
    in_catalogue: int = 0

    @property
    def rows(self) -> int:
        return self.new + self.changed + self.same + self.wrong + self.kept


# From a file to rows


def begin(session: Session, shop: Shop, *, name: str, headings: list[str], purchase: bool, actor: str) -> Import:
    """A file whose rows come next. Its columns are recognised; those of purchase prices only with that right."""
    places = stock.warehouses(session, shop.id)
    columns = import_columns.recognised(headings, places, listing.attribute_titles(session, shop.id))
    if not purchase:
        columns = ["" if column == Column.PURCHASE else column for column in columns]
    one = Import(
        shop_id=shop.id, actor=actor, name=name[:200], headings=headings, columns=columns, created_at=utc_now()
    )
    session.add(one)
    session.flush()
    return one


def write_down(session: Session, import_id: int, rows: Sequence[tuple[int, list[str]]], *, last: bool) -> None:
    """A portion of the file's rows; after the last one a person may say what the columns are."""
    fresh = {"outcome": Outcome.UNKNOWN, "done": False, "changes": [], "why": {}}
    session.execute(
        sa.insert(ImportRow),
        [{"import_id": import_id, "line": line, "cells": cells, **fresh} for line, cells in rows],
    )
    if last:
        session.execute(sa.update(Import).where(Import.id == import_id).values(state=ImportState.COLUMNS))


# Looking


def size(session: Session, import_id: int) -> int:
    """How many rows there are."""
    return session.scalar(sa.select(sa.func.count()).where(ImportRow.import_id == import_id)) or 0


def get(session: Session, shop_id: int, import_id: int, *, lock: bool = False) -> Import:
    query = sa.select(Import).where(Import.id == import_id, Import.shop_id == shop_id)
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NoSuchImport(f"import {import_id} of shop {shop_id}")
    return found


def latest(session: Session, shop_id: int, limit: int = 10) -> list[Import]:
    query = sa.select(Import).where(Import.shop_id == shop_id, Import.state != ImportState.LOADING)
    return list(session.scalars(query.order_by(Import.id.desc()).limit(limit)))


def counts(session: Session, import_id: int) -> Counts:
    query = (
        sa.select(ImportRow.outcome, ImportRow.done, sa.func.count())
        .where(ImportRow.import_id == import_id)
        .group_by(ImportRow.outcome, ImportRow.done)
    )
    found = {(row[0], row[1]): row[2] for row in session.execute(query)}
    by = {outcome: found.get((outcome, True), 0) + found.get((outcome, False), 0) for outcome in Outcome}
    applied = [Outcome.NEW, Outcome.CHANGED]
    return Counts(
        new=by[Outcome.NEW],
        changed=by[Outcome.CHANGED],
        same=by[Outcome.SAME],
        wrong=by[Outcome.WRONG],
        done=sum(n for (_outcome, done), n in found.items() if done),
        left=sum(found.get((outcome, False), 0) for outcome in applied),
        kept=by[Outcome.KEPT],
        in_catalogue=sum(found.get((outcome, True), 0) for outcome in applied),
    )


def rows(
    session: Session, import_id: int, outcome: Outcome | None = None, *, after: int = 0, limit: int = 100
) -> list[ImportRow]:
    """In the file's order, those after a line."""
    query = sa.select(ImportRow).where(ImportRow.import_id == import_id, ImportRow.line > after)
    if outcome is not None:
        query = query.where(ImportRow.outcome == outcome)
    return list(session.scalars(query.order_by(ImportRow.line).limit(limit)))


# A person's words


def choose(session: Session, shop_id: int, import_id: int, columns: Sequence[str], *, purchase: bool) -> None:
    """Say what each column is, and have the rows checked. A column that cannot be is left alone."""
    one = get(session, shop_id, import_id, lock=True)
    if one.state == ImportState.LOADING:
        raise ImportCutOff()
    if one.state not in (ImportState.COLUMNS, ImportState.CHECKED):
        raise ImportGoesOn()
    places = stock.warehouses(session, shop_id)
    chosen = []
    for column, before, heading in zip(columns, one.columns, one.headings, strict=True):
        known = {*import_columns.allowed(heading, places, purchase=purchase), before}
        chosen.append(column if column in known and (purchase or column != Column.PURCHASE) else "")
    import_columns.check(chosen, one.headings)
    one.columns, one.state = chosen, ImportState.CHECKING
    _put(session, one, CHECK)


def reconsider(session: Session, shop_id: int, import_id: int) -> None:
    """Back to the columns. Nothing happens if it stands there."""
    one = get(session, shop_id, import_id, lock=True)
    if one.state == ImportState.CHECKED:
        one.state = ImportState.COLUMNS
    elif one.state != ImportState.COLUMNS:
        raise ImportGoesOn()


def apply(session: Session, shop_id: int, import_id: int, *, actor: str) -> None:
    """Take what was shown into the catalogue. A second call changes nothing."""
    one = get(session, shop_id, import_id, lock=True)
    if one.state in (ImportState.APPLYING, ImportState.DONE):
        return
    if one.state != ImportState.CHECKED:
        raise ImportGoesOn()
    one.state, one.actor = ImportState.APPLYING, actor
    _put(session, one, APPLY)


def _put(session: Session, one: Import, kind: str) -> None:
    """Files of one shop are worked on one at a time: two could make the same product."""
    session.flush()
    jobs.put(session, kind, {"import_id": one.id}, lane=lane(one))


def lane(one: Import) -> str:
    return f"catalog.import:{one.shop_id}"


# Checking


@dataclass(frozen=True, slots=True)
class _Asked:
    import_id: int
    shop_id: int
    currency: str
    columns: list[str]
    headings: list[str]


@dataclass(slots=True)
class _Seen:
    """What earlier rows of the file have said."""

    lines: dict[str, int] = field(default_factory=dict)
    said: dict[str, dict[str, tuple[Any, int]]] = field(default_factory=dict)
    attributes: dict[str, dict[frozenset[tuple[str, str]], str]] = field(default_factory=dict)


_Verdict = tuple[int, Outcome, list[Any], dict[str, Any]]
"""A row's id, and what is kept of it."""


def handlers(db: Database) -> Mapping[str, Handler]:
    async def check(asked: _Asked) -> list[_Verdict]:
        seen, verdicts, line = _Seen(), list[_Verdict](), 0
        while portion := await db.read(rows, asked.import_id, after=line, limit=CHECKED):
            verdicts += await db.read(_check, asked, portion, seen)
            line = portion[-1].line
        return verdicts

    return {CHECK: Effect(_remember, check, _record), APPLY: Effect(_remember_apply, _breathe, _apply)}


def _remember(session: Session, job: Job) -> _Asked | Again | None:
    one = session.get(Import, job.payload["import_id"])
    if one is None or one.state != ImportState.CHECKING:
        return None
    shop = session.get_one(Shop, one.shop_id)
    return _Asked(one.id, shop.id, shop.currency, one.columns, one.headings)


def _check(session: Session, asked: _Asked, portion: Sequence[ImportRow], seen: _Seen) -> list[_Verdict]:
    verdicts: dict[int, _Verdict] = {}
    read: list[tuple[ImportRow, Row]] = []
    for one in portion:
        try:
            read.append((one, import_rows.read(one.cells, asked.columns, asked.headings, asked.currency)))
        except Refused as why:
            verdicts[one.id] = _wrong(one, why)
    paths = import_rows.Paths.of(session, asked.shop_id)
    shelf = import_rows.look(session, asked.shop_id, [row for _, row in read], paths)
    for one, row in read:
        try:
            planned = _among_others(one.line, row, import_rows.plan(row, shelf), seen, asked)
            verdicts[one.id] = (one.id, planned.outcome, planned.changes, {})
        except Refused as why:
            verdicts[one.id] = _wrong(one, why)
    return list(verdicts.values())


def _wrong(one: ImportRow, why: Refused) -> _Verdict:
    return (one.id, Outcome.WRONG, [], reason(why))


def reason(why: Problem) -> dict[str, Any]:
    facts = {name: fact if isinstance(fact, int) else str(fact) for name, fact in why.facts.items()}
    return {"code": why.code, "facts": facts}


def _among_others(line: int, row: Row, planned: Plan, seen: _Seen, asked: _Asked) -> Plan:
    """The plan beside those of earlier rows: what one of them says of the product already is not said again."""
    if row.sku in seen.lines:
        raise RowRefused("sku_twice", sku=row.sku, line=seen.lines[row.sku])
    said = seen.said.setdefault(planned.owner, {})
    for column, value in row.of_product().items():
        if column in said and said[column][0] != value:
            raise RowRefused("other_than_line", heading=_heading(column, asked), line=said[column][1])
    if planned.outcome == Outcome.NEW:
        others = seen.attributes.setdefault(planned.owner, {})
        attributes = frozenset(import_rows.pairs_after(row, []))
        if attributes in others:
            raise RowRefused("same_attributes", sku=others[attributes])
        others[attributes] = row.sku
    seen.lines[row.sku] = line
    changes = [change for change in planned.changes if change[0] not in said]
    said |= {column: (value, line) for column, value in row.of_product().items() if column not in said}
    outcome = Outcome.SAME if planned.outcome == Outcome.CHANGED and not changes else planned.outcome
    return Plan(outcome, changes, planned.owner)


def _heading(column: str, asked: _Asked) -> str:
    return asked.headings[asked.columns.index(column)]


def _record(session: Session, job: Job, asked: _Asked, verdicts: list[_Verdict]) -> None:
    one = session.get(Import, asked.import_id)
    if one is None or one.state != ImportState.CHECKING:
        return
    session.execute(
        sa.update(ImportRow),
        [
            {"id": id_, "outcome": outcome, "changes": changes, "why": why, "done": False}
            for id_, outcome, changes, why in verdicts
        ],
    )
    one.state = ImportState.CHECKED
    session.flush()


# Applying


def _remember_apply(session: Session, job: Job) -> int | Again | None:
    one = session.get(Import, job.payload["import_id"])
    return one.id if one is not None and one.state == ImportState.APPLYING else None


async def _breathe(import_id: int) -> None:
    await asyncio.sleep(BREATH)


def _apply(session: Session, job: Job, import_id: int, _: None) -> Again | None:
    """One portion. The job stays until there is nothing more to do."""
    one = session.get(Import, import_id)
    if one is None or one.state != ImportState.APPLYING:
        return None
    to_do = sa.select(ImportRow).where(
        ImportRow.import_id == one.id, ImportRow.done.is_(False), ImportRow.outcome.in_([Outcome.NEW, Outcome.CHANGED])
    )
    portion = list(session.scalars(to_do.order_by(ImportRow.line).limit(APPLIED + 1)))
    shop, until = session.get_one(Shop, one.shop_id), time.monotonic() + AT_ONCE
    paths = import_rows.Paths.of(session, shop.id)
    for n, row in enumerate(portion):
        if n == APPLIED or (n and time.monotonic() > until):
            return Again(timedelta(0))
        try:
            with session.begin_nested():
                read = import_rows.read(row.cells, one.columns, one.headings, shop.currency)
                import_apply.apply(session, shop, read, row, paths, actor=one.actor)
        except Problem as why:
            row.outcome, row.why = Outcome.WRONG, reason(why)
            # What was made for it is gone with its savepoint.
            paths = import_rows.Paths.of(session, shop.id)
        row.done = True
        session.flush()
    one.state = ImportState.DONE
    session.flush()
    found = counts(session, one.id)
    publish(
        session,
        CatalogImported(
            shop_id=shop.id,
            subject=f"import:{one.id}",
            actor=one.actor,
            import_id=one.id,
            new=found.new,
            changed=found.changed,
            wrong=found.wrong,
        ),
    )
    return None


# Forgetting


def prune(session: Session, now: datetime) -> int:
    """Remove old files' rows, a portion at a time, then the files. How many rows went: call again while it is a
    whole portion (storage.jobs.PORTION)."""
    old = sa.select(Import.id).where(Import.created_at < now - KEPT)
    some = sa.select(ImportRow.id).where(ImportRow.import_id.in_(old)).limit(jobs.PORTION)
    gone: int = session.execute(sa.delete(ImportRow).where(ImportRow.id.in_(some))).rowcount  # type: ignore[attr-defined]
    if gone < jobs.PORTION:
        session.execute(sa.delete(Import).where(Import.id.in_(old)))
    return gone
