"""A shop's settings: one typed value kept as JSON in its row."""

from __future__ import annotations

from datetime import date, time
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy.orm import Session

from company.tables import Shop


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeliveryMethod(_Part):
    """A way to get the goods. `price` in minor units; free from `free_from` minor units of goods on."""

    code: str
    name: str
    name_en: str = ""
    price: int = Field(default=0, ge=0)
    free_from: int | None = Field(default=None, ge=0)
    needs_address: bool = True


class AutoConfirm(_Part):
    """When the bot confirms an order by itself: sends it to the next step without a person."""

    when_paid: bool = True
    """A paid order whose goods are all reserved moves on to assembling."""
    below: int = Field(default=0, ge=0)
    """A new order to be paid on receipt, of a total up to this many minor units, is confirmed at once; 0 never."""


class Receipts(_Part):
    """54-FZ defaults, used where a product does not say otherwise."""

    send: bool = True
    """For payment accounts of which nobody has said it in the console."""
    vat_code: int = Field(default=1, ge=1, le=12)
    tax_system: int | None = Field(default=None, ge=1, le=6)
    payment_subject: str = "commodity"
    payment_mode: str = "full_payment"


class Alarms(_Part):
    """What the owners are told of the machinery, and when."""

    muted: tuple[str, ...] = ()
    """Kinds that are only shown in the console."""
    quiet_from: time | None = None
    quiet_to: time | None = None
    """Between these hours of the shop's clock only alarms about money are told."""
    silent_hours: int = Field(default=72, ge=0, le=24 * 30)
    """Hours without a word from a channel that are worth an alarm while its usual hours are not known; 0 never."""


class Hours(_Part):
    """From when to when the shop works on a day; closing at 00:00 is the midnight that ends it."""

    opens: time
    closes: time

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.closes != time(0) and self.closes <= self.opens:
            raise ValueError("closes before it opens")
        return self


class WorkingHours(_Part):
    """The arithmetic is company.hours."""

    week: tuple[Hours | None, ...] = ()
    """Seven days from Monday on; none at all for a shop that always works."""
    days_off: tuple[date, ...] = ()

    @field_validator("week")
    @classmethod
    def _whole(cls, week: tuple[Hours | None, ...]) -> tuple[Hours | None, ...]:
        if len(week) not in (0, 7):
            raise ValueError("a week has seven days")
        return week


class Assignment(_Part):
    """Who gets a conversation whose buyer waits for a person."""

    rule: Literal["nobody", "fewest"] = "nobody"
    """Nobody: operators take by themselves. Fewest: who is there and leads the fewest open ones."""
    most: int = Field(default=10, ge=1, le=500)
    """Open conversations that one person is given at most."""


LONGEST_CONSENT = 1000
"""Characters of the words of consent: they stand under the summary of the checkout, in one message with it."""


class ConsentWords(_Part):
    """What a buyer says yes to by ordering: shown under the summary of the checkout, and kept with his consent."""

    ru: str = Field(default="", max_length=LONGEST_CONSENT)
    en: str = Field(default="", max_length=LONGEST_CONSENT)

    def to(self, locale: str) -> str:
        """In the reader's language, or in the one that there is; empty where the shop asks for nothing."""
        return (self.en or self.ru) if locale == "en" else (self.ru or self.en)


class ShopSettings(_Part):
    pay_online: bool = True
    pay_on_receipt: bool = True
    reserve_minutes: int = Field(default=90, ge=65)
    """How long an unpaid order keeps its goods. Longer than a provider's link lives (60 minutes)."""
    delivery: tuple[DeliveryMethod, ...] = (
        DeliveryMethod(code="pickup", name="Самовывоз", name_en="Pickup", needs_address=False),
        DeliveryMethod(code="courier", name="Курьер", name_en="Courier", price=39000, free_from=500000),
    )
    auto_confirm: AutoConfirm = AutoConfirm()
    receipts: Receipts = Receipts()
    alarms: Alarms = Alarms()
    hours: WorkingHours = WorkingHours()
    shifts: dict[str, WorkingHours] = Field(default_factory=dict)
    """When each person works, by the id of the staff; who is not there works whenever his console is open."""
    notify_stages: tuple[str, ...] = ("new", "paid", "assembling", "shipped", "delivered", "cancelled")
    """Stage codes whose moves the owner and the buyer are told of."""
    assignment: Assignment = Assignment()
    waiting_notice: int = Field(default=15, ge=0, le=24 * 60)
    """Minutes that a buyer waits before the operator who leads the conversation is told; 0 never."""
    late_money: Literal["ask", "refund"] = "ask"
    """What to do with money that comes to a cancelled order: ask a person, or refund by itself."""
    consent: ConsentWords = ConsentWords()
    texts: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Buyer texts in the owner's words: {"ru": {"buyer.greeting": "Здравствуйте, {name}!"}}."""


def of(shop: Shop) -> ShopSettings:
    return ShopSettings.model_validate(shop.settings)


def change(session: Session, shop: Shop, **changes: object) -> ShopSettings:
    """Replace the named settings. Raises pydantic.ValidationError on a value that does not fit; nothing is changed."""
    settings = ShopSettings.model_validate(of(shop).model_dump() | changes)
    shop.settings = settings.model_dump(mode="json", exclude_defaults=True)
    session.flush()
    return settings
