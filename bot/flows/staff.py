"""A member of staff in his own chat: he links it with a code from the console and is told of orders there.

Whoever presses is looked up again each time: a person who left the shop, or may not move orders, is refused even
with the buttons still on his screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bot.flows.browse import Args
from bot.flows.order_card import contact_text, goods_text, order_badge, sums_text
from bot.flows.turn import Turn
from bot.flows.voice import Voice, paragraphs, rows_of, written
from company import staff as people
from company.rights import NotAllowed, Right, demand
from company.tables import Role, Staff
from inbox.content import Action, Button, Outgoing
from inbox.tables import Kind
from kit.errors import Problem
from orders import book, stages
from orders.reasons import Reason
from orders.tables import Group, Order, Stage
from orders.views import OrderView, view

WHY = "staff_reason"
"""The flow in which the next words are the reason of a cancellation."""

REASONS = (Reason.OUT_OF_STOCK, Reason.UNREACHABLE, Reason.CHANGED_MIND, Reason.DUPLICATE)


def link(turn: Turn, code: str) -> None:
    """Make this chat the chat of the member of staff whose code it is."""
    person = people.by_link_code(turn.session, code)
    if person is None or people.role_in(turn.session, person.id, turn.shop.id) is None:
        turn.say(written(turn.voice.marked("notice.link_unknown")))
        return
    turn.conversation.kind, turn.conversation.staff_id = Kind.STAFF, person.id
    turn.conversation.held, turn.conversation.waiting_since, turn.conversation.unread = False, None, 0
    turn.conversation.locale = person.locale
    turn.go("")
    voice = Voice.of(turn.texts, person.locale, turn.settings)
    turn.say(written(voice.marked("notice.linked", name=person.name, shop=turn.shop.name), drop_keyboard=True))


def handle(turn: Turn) -> None:
    """A press or words in a staff chat."""
    turn.conversation.unread = 0
    person, role = _who(turn)
    if turn.incoming.press is not None:
        _press(turn, person, role)
    elif turn.conversation.flow == WHY and turn.incoming.text.strip():
        state = turn.conversation.flow_state
        turn.go("")
        _cancel(turn, person, role, int(state["order"]), str(state["stage"]), turn.incoming.text.strip())
    else:
        turn.go("")
        turn.say(written(turn.voice.marked("notice.staff_help", shop=turn.shop.name)))


def order_notice(
    voice: Voice, head: str, order: OrderView, ahead: Sequence[Stage], *, public_url: str, whole: bool = True
) -> Outgoing:
    """The order with what the staff can do about it; `ahead` are the stages that it may go to.

    `whole` lists its goods and whom they go to; otherwise the head says enough.
    """
    body = paragraphs(
        goods_text(voice, order),
        sums_text(voice, order.goods, order.discount, order.delivery_name, order.delivery, order.total, order.paid),
        contact_text(voice, order.recipient, order.phone, order.address, order.comment),
    )
    return written(
        paragraphs(head, body if whole else ""),
        rows=order_rows(voice, order, ahead, public_url=public_url),
        card=order_badge(voice, order),
    )


def order_rows(
    voice: Voice, order: OrderView, ahead: Sequence[Stage], *, public_url: str
) -> tuple[tuple[Button, ...], ...]:
    args: Args = {"order": order.id, "stage": order.stage_code}
    onward = next((stage for stage in ahead if stage.group not in (Group.CANCELLED, Group.NEW)), None)
    accept = (voice.button("notice.accept", Action("staff.accept", args)),) if onward is not None else ()
    cancel: tuple[Button, ...] = ()
    if any(stage.group == Group.CANCELLED for stage in ahead):
        cancel = (voice.button("notice.cancel", Action("staff.cancel", args)),)
    console = (Button(voice.plain("notice.open"), url=f"{public_url}/orders/{order.id}"),)
    return tuple(row for row in (accept + cancel, console) if row)


def _press(turn: Turn, person: Staff, role: Role) -> None:
    action = turn.action
    if action is None or turn.stale:
        turn.toast(turn.voice.plain("buyer.stale"))
    elif action.name in ACTIONS:
        ACTIONS[action.name](turn, person, role, action.args)
    elif action.name in turn.staff_acts:
        turn.staff_acts[action.name](turn, person, action.args)
    else:
        turn.toast(turn.voice.plain("buyer.stale"))


def _accept(turn: Turn, person: Staff, role: Role, args: Args) -> None:
    """Move the order on to the next stage of its way."""
    order = _order(turn, args)
    ahead = [s for s in stages.allowed(turn.session, order, role) if s.group not in (Group.CANCELLED, Group.NEW)]
    if not ahead:
        turn.toast(turn.voice.plain("notice.no_way"), alert=True)
        return
    try:
        stages.move(
            turn.session,
            order,
            to=ahead[0].code,
            actor=f"staff:{person.id}",
            role=role,
            expect_stage=str(args["stage"]),
        )
    except stages.Stale as moved:
        turn.toast(turn.voice.problem(moved), alert=True)
    else:
        turn.toast(turn.voice.plain("notice.accepted", number=order.number))
    _show_order(turn, order.id, role)


def _ask_reason(turn: Turn, person: Staff, role: Role, args: Args) -> None:
    order = _order(turn, args)
    turn.go(WHY, order=order.id, stage=str(args["stage"]))
    reasons = [
        Button(turn.voice.plain(f"reasons.{reason}"), Action("staff.drop", {**args, "reason": str(reason)}))
        for reason in REASONS
    ]
    keep = turn.voice.button("notice.keep", Action("staff.order", {"order": order.id}))
    turn.show(
        written(turn.voice.marked("notice.why_cancel", number=order.number), rows=(*rows_of(reasons, 2), (keep,)))
    )


def _cancel_by_button(turn: Turn, person: Staff, role: Role, args: Args) -> None:
    turn.go("")
    _cancel(turn, person, role, int(args["order"]), str(args["stage"]), str(args["reason"]))


def _show(turn: Turn, person: Staff, role: Role, args: Args) -> None:
    turn.go("")
    _show_order(turn, int(args["order"]), role)


ACTIONS: Mapping[str, Callable[[Turn, Staff, Role, Args], None]] = {
    "staff.accept": _accept,
    "staff.cancel": _ask_reason,
    "staff.drop": _cancel_by_button,
    "staff.order": _show,
}


def _cancel(turn: Turn, person: Staff, role: Role, order_id: int, stage: str, reason: str) -> None:
    order = _order(turn, {"order": order_id})
    try:
        stages.cancel(turn.session, order, actor=f"staff:{person.id}", role=role, reason=reason, expect_stage=stage)
    except Problem as problem:
        turn.tell(problem)
    else:
        turn.toast(turn.voice.plain("notice.cancelled", number=order.number))
    _show_order(turn, order_id, role)


def _show_order(turn: Turn, order_id: int, role: Role) -> None:
    order = book.get(turn.session, turn.shop.id, order_id)
    seen = view(order, turn.shop, turn.locale)
    head = turn.voice.marked("notice.order", number=seen.number, stage=seen.stage_name)
    ahead = stages.allowed(turn.session, order, role)
    turn.show(order_notice(turn.voice, head, seen, ahead, public_url=turn.public_url), repeatable=True)


def _order(turn: Turn, args: Args) -> Order:
    return book.get(turn.session, turn.shop.id, int(args["order"]))


def _who(turn: Turn) -> tuple[Staff, Role]:
    """Whose chat this is, and what he may do now. Raises NotAllowed."""
    person = turn.session.get(Staff, turn.conversation.staff_id) if turn.conversation.staff_id else None
    powers = people.powers_in(turn.session, person.id, turn.shop.id) if person else None
    demand(powers, Right.ORDERS)
    assert person is not None
    assert powers is not None
    about_orders = turn.conversation.flow == WHY or (turn.action is not None and turn.action.name in ACTIONS)
    if about_orders and not powers.sees_all:
        # Buttons of orders come to owners: he was one, and now sees only what is his, in the console.
        raise NotAllowed(Right.ORDERS)
    return person, powers.role
