"""The pictures that customers show of themselves in their messengers: looked for when somebody wants to see them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers.tables import Identity, Portrait
from kit.clock import utc_now
from storage import erasing
from storage.tables import StoredFile

GOOD_FOR = timedelta(days=30)
"""How long one is shown before a newer one is looked for; who shows none is asked again as late."""


def wanted(session: Session, account_id: int, customer_id: int, chat: str) -> Identity | None:
    """Whose picture is to be looked for: of the customer's identities there, the one that this chat is named after, or
    the newest. None if it was looked for lately."""
    mine = (
        sa.select(Identity, Portrait.at)
        .outerjoin(Portrait, Portrait.identity_id == Identity.id)
        .where(Identity.account_id == account_id, Identity.customer_id == customer_id)
        .order_by(sa.case((Identity.external_id == chat, 0), else_=1), Identity.id.desc())
    )
    found = session.execute(mine.limit(1)).first()
    if found is None or (found.at is not None and utc_now() - found.at < GOOD_FOR):
        return None
    identity: Identity = found[0]
    return identity


def keep(session: Session, identity_id: int, file_id: int | None) -> None:
    """What he shows now; None for nothing."""
    known = session.get(Portrait, identity_id, with_for_update=True)
    if known is None:
        session.add(Portrait(identity_id=identity_id, file_id=file_id, at=utc_now()))
    else:
        before, known.file_id, known.at = known.file_id, file_id, utc_now()
        session.flush()
        if before is not None and before != file_id:
            old = sa.delete(StoredFile).where(StoredFile.id == before).returning(StoredFile.sha256)
            erasing.wipe_later(session, list(session.scalars(old)))
    session.flush()


def of(session: Session, customer_ids: Collection[int]) -> dict[int, int]:
    """By customer the file that shows him; the newest of several. Those who show none are left out."""
    if not customer_ids:
        return {}
    rows = session.execute(
        sa.select(Identity.customer_id, Portrait.file_id)
        .join(Portrait, Portrait.identity_id == Identity.id)
        .where(Identity.customer_id.in_(customer_ids), Portrait.file_id.is_not(None))
        .order_by(Portrait.at)
    )
    return {customer_id: file_id for customer_id, file_id in rows if file_id is not None}
