"""A small shop to tell stories in: «Глина и лён», its people and a shelf of goods."""

from __future__ import annotations

from sqlalchemy.orm import Session

from company import shops, staff
from company.tables import ChannelAccount, Role, Shop, Staff
from kit.clock import utc_now


class World:
    """The shop of Илья Дорохов with the operator Марина Ким. They have no passwords: hashing one takes its time."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.shop: Shop = shops.create(session, name="Глина и лён")
        self.owner = self.person("ilya@clay.example", "Илья Дорохов", Role.OWNER)
        self.operator = self.person("marina@clay.example", "Марина Ким", Role.OPERATOR)

    def person(self, email: str, name: str, role: Role) -> Staff:
        return staff.add(self.session, self.shop, email=email, name=name, password=None, role=role)

    def account(self, channel: str = "telegram", external_id: str = "clay_linen_bot") -> ChannelAccount:
        """A channel account of the shop."""
        account = ChannelAccount(
            shop_id=self.shop.id,
            channel=channel,
            name=channel,
            external_id=external_id,
            settings={},
            created_at=utc_now(),
        )
        self.session.add(account)
        self.session.flush()
        return account
