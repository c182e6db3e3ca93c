"""An order's way through the stages of its pipeline: who may move it, what must be true, what follows.

MoveRefused             no way from this stage to that one
├── Stale               the order is not any more as the mover saw it
├── NotForThem          the mover may not
├── NeedsPayment        the stage asks for full payment
├── RefundFirst         a cancelled order keeps no money
└── ReasonNeeded        nobody cancels without saying why
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.names import named
from company.tables import Role
from company.texts import LOCALES, nearest
from kit.clock import utc_now
from kit.errors import Refused
from kit.money import Money
from orders import reserving
from orders.book import locked
from orders.events import StageMoved
from orders.history import append
from orders.history import history as history
from orders.pipelines import DEFAULT as DEFAULT
from orders.pipelines import PREORDER as PREORDER
from orders.pipelines import StageSpec as StageSpec
from orders.pipelines import create_default_pipeline as create_default_pipeline
from orders.pipelines import create_pipeline as create_pipeline
from orders.pipelines import pipelines as pipelines
from orders.tables import Group, Order, Stage, StageMove
from storage.events import publish

SYSTEM = "system"
CUSTOMER = "customer"

SYSTEM_ACTORS = {"bot", "payment", "schedule", "system"}

EARLY = (Group.NEW, Group.APPROVAL)
"""Groups in which a buyer may still change his mind by himself."""

CARRIED = (Group.DELIVERY, Group.COMPLETE)
"""Groups into which a courier moves what he carries."""

REASON_LIMIT = 500


class StageName:
    """The name of a stage as a fact of a text whose reader is not known yet.

    It holds the words and not the row: a refusal is explained after its transaction is over.
    """

    def __init__(self, stage: Stage) -> None:
        self._code = stage.code
        self._names = {locale: named(stage, locale) for locale in LOCALES}

    def said(self, locale: str) -> str:
        return self._names[nearest(locale)]

    def __str__(self) -> str:
        return self._code


class MoveRefused(Refused):
    code = "move_refused"

    def __init__(self, order: Order, to: Stage | None, message: str = "", **facts: object) -> None:
        self.order_id = order.id
        super().__init__(
            message or f"order {order.number}: no way from {order.stage.code} to {to.code if to else 'there'}",
            number=order.number,
            stage=StageName(order.stage),
            to=StageName(to) if to else "—",
            **facts,
        )


class Stale(MoveRefused):
    code = "order_moved_on"


class NotForThem(MoveRefused):
    code = "move_not_yours"


class NeedsPayment(MoveRefused):
    code = "needs_payment"


class RefundFirst(MoveRefused):
    code = "refund_first"


class ReasonNeeded(MoveRefused):
    code = "reason_needed"


def move(
    session: Session,
    order: Order,
    *,
    to: str,
    actor: str,
    reason: str = "",
    role: Role | None = None,
    expect_version: int | None = None,
    expect_stage: str | None = None,
) -> StageMove:
    """Move the order to the stage with the code `to`, and do what that means to its goods.

    `actor` "staff:…" moves with the rights of `role` (an operator's, when it is not given), "customer:…" may only
    cancel early, SYSTEM_ACTORS may whatever the pipeline allows. `expect_stage` and `expect_version` are what the
    mover saw on the screen. Raises MoveRefused, or catalog.promises.OutOfStock when the goods of a reopened order are
    gone.
    """
    order = locked(session, order.id)
    if expect_stage not in (None, order.stage.code) or expect_version not in (None, order.version):
        raise Stale(order, None)
    stage = session.scalar(sa.select(Stage).where(Stage.pipeline_id == order.pipeline_id, Stage.code == to))
    if stage is None:
        raise MoveRefused(order, None)
    refused = _refusal(order, stage, _hands(actor, role))
    if refused is not None:
        raise refused
    reason = reason.strip()[:REASON_LIMIT]
    if stage.group == Group.CANCELLED and not reason:
        raise ReasonNeeded(order, stage)
    return enter(session, order, stage, actor=actor, reason=reason)


def cancel(
    session: Session,
    order: Order,
    *,
    actor: str,
    reason: str,
    role: Role | None = None,
    expect_stage: str | None = None,
    expect_version: int | None = None,
) -> StageMove:
    """Move the order to the cancelled stage that its pipeline offers from here; its goods are free again."""
    ways = sa.select(Stage.code).where(
        Stage.pipeline_id == order.pipeline_id, Stage.group == Group.CANCELLED, Stage.code.in_(order.stage.next_codes)
    )
    code = session.scalar(ways.order_by(Stage.position))
    if code is None:
        raise MoveRefused(order, None)
    return move(
        session,
        order,
        to=code,
        actor=actor,
        reason=reason,
        role=role,
        expect_stage=expect_stage,
        expect_version=expect_version,
    )


def allowed(session: Session, order: Order, role: Role | None, *, known: Sequence[Stage] | None = None) -> list[Stage]:
    """The stages this role may move the order to now; for None, those the system may.

    `known` are the shop's stages, where the caller has them for many orders at once.
    """
    line = known
    if line is None:
        line = session.scalars(sa.select(Stage).where(Stage.pipeline_id == order.pipeline_id)).all()
    ways = [to for to in line if to.pipeline_id == order.pipeline_id and to.code in order.stage.next_codes]
    ahead = sorted(ways, key=lambda to: to.position)
    hands = SYSTEM if role is None else str(role)
    return [stage for stage in ahead if _refusal(order, stage, hands) is None]


def enter(session: Session, order: Order, stage: Stage, *, actor: str, reason: str = "") -> StageMove:
    """Put the locked order into the stage without asking who may: the part of a move that everything shares."""
    before = order.stage
    order.stage = stage
    order.updated_at = utc_now()
    reserving.follow_group(session, order, Group(before.group), Group(stage.group), actor=actor)
    reserving.follow_deadline(session, order)
    move = append(session, order, stage, came_from=before, actor=actor, reason=reason)
    moved = StageMoved.of(
        order,
        actor=actor,
        seq=move.seq,
        from_code=before.code,
        to_code=stage.code,
        group=str(stage.group),
        reason=reason,
    )
    publish(session, moved)
    return move


def _hands(actor: str, role: Role | None) -> str:
    """Whose rights count: "owner", "operator", "customer" or "system"."""
    if actor in SYSTEM_ACTORS:
        return SYSTEM
    kind = actor.partition(":")[0]
    if kind not in ("staff", CUSTOMER):
        raise ValueError(f"nobody knows the actor {actor!r}")
    return CUSTOMER if kind == CUSTOMER else str(role or Role.OPERATOR)


def _refusal(order: Order, to: Stage, hands: str) -> MoveRefused | None:
    """Why these hands may not make this move now; None if they may."""
    if to.code not in order.stage.next_codes:
        return MoveRefused(order, to)
    if not _trusted(order, to, hands):
        return NotForThem(order, to)
    if to.needs_payment and order.payment_method == "online" and not reserving.settled(order):
        return NeedsPayment(order, to, left=Money(order.total_amount - order.paid_amount, order.currency))
    if to.group == Group.CANCELLED and order.paid_amount > 0:
        return RefundFirst(order, to, paid=order.paid)
    return None


def _trusted(order: Order, to: Stage, hands: str) -> bool:
    if hands == SYSTEM:
        return True
    if hands == CUSTOMER:
        return to.group == Group.CANCELLED and order.stage.group in EARLY
    if to.group == Group.CANCELLED and reserving.goods_gone(order):
        # Goods that have left come back by the owner's word alone.
        return hands == Role.OWNER
    if hands == Role.COURIER and to.group not in CARRIED:
        return False
    return not to.roles or hands in to.roles
