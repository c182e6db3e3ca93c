"""A shop's accounts on channels: bots, web chat sites. Their secrets are kept sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount, Shop
from kit.clock import utc_now
from kit.errors import Missing, Refused
from kit.secrets import SecretBox


class NoSuchChannel(Missing):
    code = "no_such_channel"


class ChannelTaken(Refused):
    """This very bot or site is connected already. Two listeners of one bot would steal each other's messages."""

    code = "channel_taken"

    def __init__(self, account: ChannelAccount) -> None:
        self.account_id = account.id
        super().__init__(f"{account.channel} {account.external_id} is account {account.id}", name=account.name)


def add_channel(
    session: Session,
    box: SecretBox,
    shop: Shop,
    *,
    channel: str,
    name: str,
    external_id: str,
    secret: str | None,
    settings: Mapping[str, Any] | None = None,
) -> ChannelAccount:
    """Connect an account of the shop on `channel`. Raises ChannelTaken if an active one has this external id."""
    if external_id and (known := _active(session, channel, external_id)) is not None:
        raise ChannelTaken(known)
    account = ChannelAccount(
        shop_id=shop.id,
        channel=channel,
        name=name,
        external_id=external_id,
        settings=dict(settings or {}),
        secret=box.seal(secret) if secret else None,
        created_at=utc_now(),
    )
    session.add(account)
    session.flush()
    return account


def _active(session: Session, channel: str, external_id: str) -> ChannelAccount | None:
    return session.scalar(
        sa.select(ChannelAccount).where(
            ChannelAccount.channel == channel, ChannelAccount.external_id == external_id, ChannelAccount.active
        )
    )


def get(session: Session, account_id: int) -> ChannelAccount:
    account = session.get(ChannelAccount, account_id)
    if account is None:
        raise NoSuchChannel(f"channel account {account_id}")
    return account


def channels(session: Session, channel: str | None = None) -> list[ChannelAccount]:
    """The active accounts of every shop, of one channel or of all."""
    found = sa.select(ChannelAccount).where(ChannelAccount.active).order_by(ChannelAccount.id)
    return list(session.scalars(found if channel is None else found.where(ChannelAccount.channel == channel)))


def of_shop(session: Session, shop_id: int) -> list[ChannelAccount]:
    """All accounts of one shop, switched off ones too."""
    return list(
        session.scalars(sa.select(ChannelAccount).where(ChannelAccount.shop_id == shop_id).order_by(ChannelAccount.id))
    )


def by_external_id(session: Session, channel: str, external_id: str) -> ChannelAccount | None:
    """The active account with this id on its channel, such as a web chat's site key."""
    return _active(session, channel, external_id) if external_id else None


def secret_of(box: SecretBox, account: ChannelAccount) -> str:
    """The bot token or the like; "" for a channel that needs none. Raises kit.secrets.WrongKey."""
    return box.open(account.secret) if account.secret else ""


def switch(session: Session, account: ChannelAccount, *, on: bool) -> None:
    """Let the account listen and speak, or not. Raises ChannelTaken if another active one has its external id."""
    if on and account.external_id:
        known = _active(session, account.channel, account.external_id)
        if known is not None and known.id != account.id:
            raise ChannelTaken(known)
    account.active = on
    session.flush()


def place_of(session: Session, account_id: int) -> str:
    """How far the channel was read; "" from the beginning on."""
    return session.scalar(sa.select(ChannelAccount.place).where(ChannelAccount.id == account_id)) or ""


def keep_place(session: Session, account_id: int, place: str) -> None:
    """Everything up to here is stored: the next fetch goes on from it."""
    session.execute(sa.update(ChannelAccount).where(ChannelAccount.id == account_id).values(place=place[:200]))


def report_health(session: Session, account_id: int, health: str, text: str) -> None:
    """Keep how the channel is doing ("ok", "broken" …), why, and since when. `text` must hold no secret."""
    now = sa.literal(utc_now(), ChannelAccount.health_at.type)
    since = sa.case((ChannelAccount.health == health[:20], sa.func.coalesce(ChannelAccount.health_at, now)), else_=now)
    session.execute(
        sa.update(ChannelAccount)
        .where(ChannelAccount.id == account_id)
        .values(health=health[:20], health_text=text[:300], health_at=since)
    )
