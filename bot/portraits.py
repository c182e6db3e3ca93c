"""The picture that a buyer shows of himself: asked of his messenger, and kept as a file of the shop.

It is worth little: what fails is let be until somebody opens a conversation of his another day. It is fetched by the
channel's own `fetch`, so from where files of messages are fetched and from nowhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from bot.channels.base import Channel, ChannelError, Portraying
from customers import portraits
from inbox.content import Media, MediaKind
from inbox.portraits import LOOK
from kit import crash
from storage.files import Blob, FileStore, FileTooLarge, record
from storage.jobs import Effect, Job

logger = logging.getLogger(__name__)

LARGEST = 5_000_000
"""Bytes of a picture."""


class Portraits:
    """Makes the job's handler."""

    def __init__(self, channel_of: Callable[[int], Channel], files: FileStore) -> None:
        self._channel_of = channel_of
        self._files = files

    @property
    def handlers(self) -> dict[str, Effect[Any, Any]]:
        return {LOOK: Effect(_remember, self._look, _keep)}

    async def _look(self, memo: Mapping[str, Any]) -> Blob | ChannelError | FileTooLarge | None:
        try:
            channel = self._channel_of(memo["account_id"])
            if not isinstance(channel, Portraying):
                return None
            crash.point("portrait.before_look")
            remote = await channel.portrait(memo["chat"], memo["person"])
            if not remote:
                return None
            media = Media(MediaKind.PHOTO, remote=remote)
            return await self._files.save(channel.fetch(media), limit=LARGEST)
        except (ChannelError, FileTooLarge) as failure:
            return failure


def _remember(session: Session, job: Job) -> Mapping[str, Any]:
    return job.payload


def _keep(
    session: Session, job: Job, memo: Mapping[str, Any], result: Blob | ChannelError | FileTooLarge | None
) -> None:
    if isinstance(result, ChannelError | FileTooLarge):
        logger.info("the picture of identity %d was not got: %s", memo["identity_id"], result)
        return
    # A true type is there for pictures of the kinds that we open alone.
    shown = result if result is not None and result.mime.startswith("image/") else None
    stored = record(session, shown, shop_id=memo["shop_id"]) if shown is not None else None
    portraits.keep(session, memo["identity_id"], stored.id if stored is not None else None)
