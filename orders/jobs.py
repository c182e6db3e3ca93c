"""What orders do by themselves: let an unpaid reservation end, and confirm what needs no person."""

from __future__ import annotations

from sqlalchemy.orm import Session

from company import settings
from company.tables import Shop
from kit.clock import utc_now
from orders import pipelines, reserving, stages
from orders.book import locked
from orders.reasons import Reason
from orders.tables import Group, Order
from storage.jobs import Handlers, Job, Step

AUTO_CONFIRM = "orders.auto_confirm"


def expire(session: Session, job: Job) -> None:
    """Cancel the order if its time is over and nobody has paid anything. Looks again later if it got more time."""
    order = locked(session, job.payload["order_id"])
    if order.reserved_until is None or order.paid_amount > 0 or reserving.settled(order):
        return
    if order.reserved_until > utc_now():
        reserving.watch(session, order, key=f"{reserving.EXPIRE}:{order.id}:after:{job.id}")
        return
    if order.stage.group in (Group.NEW, Group.APPROVAL):
        stages.cancel(session, order, actor="schedule", reason=Reason.UNPAID)


def auto_confirm(session: Session, job: Job) -> None:
    """Send a paid order, or a small one to be paid on receipt, on to assembling, if the shop wants it so."""
    order = locked(session, job.payload["order_id"])
    stage = _next_by_itself(session, order)
    if stage is not None and reserving.all_reserved(session, order):
        stages.move(session, order, to=stage, actor="bot")


def _next_by_itself(session: Session, order: Order) -> str | None:
    """The assembling stage ahead, if the shop's settings let this order go there without a person."""
    rules = settings.of(session.get_one(Shop, order.shop_id)).auto_confirm
    when_paid = rules.when_paid and order.stage.code == pipelines.PAID
    small = order.payment_method == "on_receipt" and 0 < rules.below >= order.total_amount
    if when_paid or (small and order.stage.group == Group.NEW):
        ahead = stages.allowed(session, order, None)
        return next((stage.code for stage in ahead if stage.group == Group.ASSEMBLING), None)
    return None


JOBS: Handlers = {
    reserving.EXPIRE: Step(expire),
    AUTO_CONFIRM: Step(auto_confirm),
}
