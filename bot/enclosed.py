"""What goes with a message: its files, and the pictures of the products that stand in it as one thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels.base import Attachment, Parcel
from inbox.content import Media, Outgoing
from storage.files import FileStore
from storage.tables import StoredFile

LARGE = 1_000_000
"""Bytes of files that take more than a moment on their way."""


def files(session: Session, store: FileStore, media: Sequence[Media]) -> tuple[Attachment, ...]:
    ids = [each.file_id for each in media if each.file_id is not None]
    if not ids:
        return ()
    rows = {row.id: row for row in session.scalars(sa.select(StoredFile).where(StoredFile.id.in_(ids)))}
    return tuple(
        Attachment(each, store.path(row.sha256), row.sha256, row.mime, each.name or row.name)
        for each in media
        if each.file_id is not None and (row := rows.get(each.file_id))
    )


def pictures(session: Session, store: FileStore, outgoing: Outgoing) -> Mapping[int, Attachment]:
    """By the number of the file."""
    each = outgoing.offers.each if outgoing.offers is not None else ()
    found = files(session, store, [offer.photo for offer in each if offer.photo is not None])
    return {picture.media.file_id: picture for picture in found if picture.media.file_id is not None}


def any_in(parcel: Parcel) -> bool:
    return bool(parcel.attachments or parcel.pictures)


def is_large(parcel: Parcel) -> bool:
    """Whether the files that go with it take long. One that is gone takes none: the channel will say so."""
    sizes = (each.path.stat().st_size for each in parcel.attachments if each.path.exists())
    return bool(parcel.attachments) and sum(sizes) > LARGE
