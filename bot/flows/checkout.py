"""The checkout: question by question to an order, with a way back and out at each.

The conversation's flow state is {"id": names this checkout, "answers": {question: answer}, "keyboard": whether the
contact button stands on the buyer's keyboard, "agreed": the words of consent that the summary has shown, "seen": what
was in the cart then}. Nothing else is remembered anywhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from bot.flows import cart as cart_flow
from bot.flows import menu, paying, purchases, talk
from bot.flows.browse import Args
from bot.flows.checkout_steps import (
    QUESTIONS,
    delivery_code,
    needed,
    next_question,
    payment_code,
    uses_contact_keyboard,
    ways_out,
)
from bot.flows.order_card import contact_text, order_view, sums_text
from bot.flows.turn import Turn
from bot.flows.voice import Row, Voice, lines, paragraphs, rows_of, written
from catalog.promises import OutOfStock
from customers import cards, consents
from customers.tables import ConsentTo, ConsentVia
from inbox.content import Action, Card, Outgoing, escape
from orders import cart as carts
from orders import delivery
from orders.cart import CartView, NotForSale
from orders.checkout import CartEmpty, PricesChanged, place, preview
from orders.details import Details
from orders.tables import Cart, Order
from orders.totals import Totals
from orders.views import view

FLOW = "checkout"


@dataclass(slots=True)
class Progress:
    """Where the buyer is in his checkout."""

    id: str
    answers: dict[str, str] = field(default_factory=dict)
    keyboard: bool = False
    agreed: str = ""
    seen: str = ""

    @classmethod
    def of(cls, turn: Turn) -> Progress | None:
        if turn.conversation.flow != FLOW:
            return None
        state: dict[str, Any] = turn.conversation.flow_state
        keyboard, agreed, seen = bool(state.get("keyboard")), state.get("agreed", ""), state.get("seen", "")
        return cls(state["id"], dict(state["answers"]), keyboard, agreed, seen)

    def save(self, turn: Turn) -> None:
        turn.go(FLOW, id=self.id, answers=self.answers, keyboard=self.keyboard, agreed=self.agreed, seen=self.seen)


# What the buyer does


def begin(turn: Turn, args: Args) -> None:
    cart = carts.view(turn.session, carts.of(turn.session, turn.shop.id, turn.customer.id), turn.locale)
    if not cart.lines:
        raise CartEmpty()
    if cart.short:
        turn.toast(turn.voice.plain("buyer.checkout.short"), alert=True)
        turn.show(cart_flow.cart_view(turn.voice, cart, turn.customer.id, narrow=turn.capabilities.narrow))
        return
    _ask(turn, Progress(secrets.token_hex(6)))


def answer_by_button(turn: Turn, args: Args) -> None:
    progress = Progress.of(turn)
    question = str(args["question"])
    if progress is None or question not in needed(turn.settings, progress.answers):
        _outdated(turn)
        return
    _take(turn, progress, question, str(args["value"]))


def back(turn: Turn, args: Args) -> None:
    """To the question before this one; from the first to the cart."""
    progress = Progress.of(turn)
    if progress is None:
        _outdated(turn)
        return
    given = [name for name in needed(turn.settings, progress.answers) if name in progress.answers]
    if not given:
        _stop(turn, progress)
        cart_flow.open_cart(turn, {})
        return
    del progress.answers[given[-1]]
    _ask(turn, progress)


def change(turn: Turn, args: Args) -> None:
    """Ask one question again and come back to the summary."""
    progress = Progress.of(turn)
    if progress is None:
        _outdated(turn)
        return
    progress.answers.pop(str(args["question"]), None)
    _ask(turn, progress)


def leave(turn: Turn, args: Args) -> None:
    """Out of the checkout; the cart stays."""
    progress = Progress.of(turn)
    if progress is not None:
        _stop(turn, progress)
    turn.toast(turn.voice.plain("buyer.checkout.left"))
    cart_flow.open_cart(turn, {})


def confirm(turn: Turn, args: Args) -> None:
    """Place the order. Pressed twice, it is one order: the checkout's id names the act.

    The cart may hold something else by now: it is filled from the customer's other chats too, and from what a second
    card of his brings along. Nothing is ordered that the summary has not shown.
    """
    progress = Progress.of(turn)
    if progress is None or progress.id != args["id"]:
        _show_placed(turn, str(args["id"]))
        return
    if next_question(turn.settings, progress.answers) is not None:
        _ask(turn, progress)
        return
    inside = carts.held(turn.session, turn.shop.id, turn.customer.id)
    if inside.lines and progress.seen and progress.seen != _pieces(inside):
        turn.toast(turn.voice.plain("buyer.checkout.cart_changed"), alert=True)
        turn.show(_summary(turn, progress, note=turn.voice.marked("buyer.checkout.cart_changed")))
        return
    try:
        order = place(
            turn.session,
            turn.shop,
            turn.customer,
            _details(turn, progress),
            account_id=turn.account.id,
            conversation_id=turn.conversation.id,
            actor=turn.actor,
            dedup_key=_act(turn, progress.id),
        )
    except PricesChanged as changed:
        turn.toast(turn.voice.problem(changed), alert=True)
        turn.show(_summary(turn, progress, changed))
        return
    except (OutOfStock, NotForSale) as gone:
        _stop(turn, progress)
        turn.tell(gone)
        cart_flow.open_cart(turn, {})
        return
    _agree(turn, progress)
    _stop(turn, progress)
    turn.show(order_view(turn.voice, view(order, turn.shop, turn.locale)), repeatable=True)
    turn.toast(turn.voice.plain("buyer.checkout.placed_toast", number=order.number))
    paying.send_link(turn, order)


ACTIONS = {
    "checkout": begin,
    "checkout.answer": answer_by_button,
    "checkout.back": back,
    "checkout.change": change,
    "checkout.leave": leave,
    "checkout.confirm": confirm,
}


def answer(turn: Turn) -> bool:
    """Take what was typed or sent as the answer to the open question. False if there is no open question.

    What is no answer goes to an operator, and the question is asked again.
    """
    progress = Progress.of(turn)
    if progress is None:
        return False
    if (way := _typed_way(turn)) is not None:
        way(turn, {})
        return True
    question = next_question(turn.settings, progress.answers)
    said = QUESTIONS[question].read(turn, turn.incoming) if question is not None else None
    if question is not None and said is not None:
        _take(turn, progress, question, said)
        return True
    talk.pass_on(turn)
    _ask(turn, progress)
    return True


def set_aside(turn: Turn) -> None:
    """The buyer has gone elsewhere by a word or a command: the next words are no answer any more."""
    progress = Progress.of(turn)
    if progress is not None:
        _stop(turn, progress)


# What he sees


def summary_view(
    voice: Voice,
    cart: CartView,
    sums: Totals,
    details: Details,
    *,
    delivery_name: str,
    checkout_id: str,
    questions: Sequence[str],
    note: str = "",
    consent: str = "",
) -> Outgoing:
    """The last look before ordering."""
    text = paragraphs(
        note,
        voice.marked("buyer.checkout.summary"),
        cart_flow.cart_lines(voice, cart),
        sums_text(voice, sums.goods, sums.discount, delivery_name, sums.delivery, sums.total, sums.total * 0),
        lines(
            contact_text(voice, details.recipient, details.phone, details.address, details.comment),
            voice.marked(f"buyer.checkout.will_pay_{details.payment_method}"),
        ),
        escape(consent),
    )
    confirm: Row = (
        voice.button("buyer.checkout.confirm", Action("checkout.confirm", {"id": checkout_id}), sum=sums.total),
    )
    changes = [
        voice.button(f"buyer.checkout.change_{question}", Action("checkout.change", {"question": question}))
        for question in questions
    ]
    return written(
        text,
        rows=(confirm, *rows_of(changes, 3), ways_out(voice)),
        card=Card("cart", 0, voice.plain("buyer.checkout.title"), sums.total.format(voice.locale)),
    )


def _ask(turn: Turn, progress: Progress) -> None:
    """The next open question, or the summary."""
    question = next_question(turn.settings, progress.answers)
    if progress.keyboard and question != "phone":
        progress.keyboard = False
        phone = progress.answers.get("phone", "")
        key = "buyer.checkout.phone_noted" if phone else "buyer.checkout.going_on"
        turn.say(written(turn.voice.marked(key, phone=phone), keyboard=menu.keyboard(turn.voice)))
    if question == "phone" and uses_contact_keyboard(turn):
        progress.keyboard = True
    progress.save(turn)
    turn.show(QUESTIONS[question].ask(turn, progress.answers) if question else _summary(turn, progress))


def _take(turn: Turn, progress: Progress, question: str, answer: str) -> None:
    progress.answers[question] = answer
    if answer and (question in ("phone", "address") or (question == "name" and not turn.customer.name)):
        cards.remember(turn.session, turn.customer, **{question: answer})
    _ask(turn, progress)


def _agree(turn: Turn, progress: Progress) -> None:
    """By ordering he has said yes to the words that stood under the summary."""
    if progress.agreed:
        consents.record(
            turn.session,
            turn.customer,
            ConsentTo.PERSONAL_DATA,
            given=True,
            via=ConsentVia.CHANNEL,
            account_id=turn.account.id,
            words=progress.agreed,
            actor=turn.actor,
        )


def _stop(turn: Turn, progress: Progress) -> None:
    turn.go("")
    if progress.keyboard:
        turn.say(written(turn.voice.marked("buyer.checkout.left"), keyboard=menu.keyboard(turn.voice)))


def _show_placed(turn: Turn, checkout_id: str) -> None:
    """The order that this checkout has become; the cart if it became none."""
    order = turn.session.scalar(
        sa.select(Order.id).where(Order.shop_id == turn.shop.id, Order.dedup_key == _act(turn, checkout_id))
    )
    if order is None:
        _outdated(turn)
    else:
        purchases.open_order(turn, {"order": order})


def _act(turn: Turn, checkout_id: str) -> str:
    return f"checkout:{turn.conversation.id}:{checkout_id}"


def _outdated(turn: Turn) -> None:
    """The button belongs to a checkout that is over."""
    turn.toast(turn.voice.plain("buyer.stale"))
    cart_flow.open_cart(turn, {})


def _typed_way(turn: Turn) -> Callable[[Turn, Args], None] | None:
    """The keyboard's «Back» and «Leave» come as words."""
    said = turn.incoming.text.strip().casefold()
    ways = {"buyer.back": back, "buyer.checkout.leave": leave}
    for key, way in ways.items():
        label = turn.voice.plain(key).casefold()
        if said and said in (label, label.lstrip("‹ ")):
            return way
    return None


def _details(turn: Turn, progress: Progress) -> Details:
    answers = progress.answers
    code = delivery_code(turn.settings, answers)
    by_address = "address" in needed(turn.settings, answers)
    return Details(
        recipient=answers["name"],
        phone=answers["phone"],
        delivery_method=code,
        address=answers["address"] if by_address else "",
        comment=answers["comment"],
        payment_method=payment_code(turn.settings, answers),
        email=turn.customer.email or "",
    )


def _pieces(cart: Cart) -> str:
    """What is in a cart, as short as it can be told apart."""
    return " ".join(sorted(f"{line.variant_id}:{line.quantity}" for line in cart.lines))


def _summary(turn: Turn, progress: Progress, changed: PricesChanged | None = None, note: str = "") -> Outgoing:
    """Showing it counts as seeing the cart and today's prices; what changes after it is told once more."""
    progress.agreed = turn.settings.consent.to(turn.locale)
    progress.seen = _pieces(carts.of(turn.session, turn.shop.id, turn.customer.id))
    progress.save(turn)
    details = _details(turn, progress)
    cart, sums = preview(turn.session, turn.shop, turn.customer.id, details.delivery_method, turn.locale)
    carts.accept_prices(turn.session, carts.of(turn.session, turn.shop.id, turn.customer.id))
    if changed is not None:
        note = lines(
            turn.voice.marked("buyer.checkout.prices_changed"),
            *(
                turn.voice.marked("buyer.checkout.price_change", title=c.title, before=c.old, now=c.new)
                for c in changed.changes
            ),
        )
    return summary_view(
        turn.voice,
        cart,
        sums,
        details,
        delivery_name=delivery.name(turn.settings, details.delivery_method, turn.locale),
        checkout_id=progress.id,
        questions=needed(turn.settings, progress.answers),
        note=note,
        consent=progress.agreed,
    )
