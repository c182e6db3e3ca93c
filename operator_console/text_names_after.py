"""The words of the bot about orders and after them: each text with a name, and when a buyer sees it."""

from __future__ import annotations

from operator_console.text_groups import Group, Moment
from operator_console.texts import gettext as _


def groups() -> list[Group]:
    """In the order in which a buyer meets them."""
    return [
        Group(
            _("Orders of the buyer"),
            (
                Moment(
                    _("The list of his orders."),
                    {
                        "buyer.orders.title": _("Title of the list of orders"),
                        "buyer.orders.none": _("No orders yet"),
                        "buyer.orders.entry": _("Button: one order in the list"),
                    },
                ),
                Moment(
                    _("The message about one order."),
                    {
                        "buyer.order.heading": _("Title of an order with its stage"),
                        "buyer.order.goods": _("Goods of the order"),
                        "buyer.order.discount": _("Discount"),
                        "buyer.order.delivery": _("Delivery with its price"),
                        "buyer.order.free": _("Free of charge"),
                        "buyer.order.total": _("Total of the order"),
                        "buyer.order.paid": _("What is paid"),
                        "buyer.order.recipient": _("Recipient and phone"),
                        "buyer.order.address": _("Address of the delivery"),
                        "buyer.order.comment": _("Wishes of the buyer"),
                    },
                ),
                Moment(
                    _("Buttons under an order."),
                    {
                        "buyer.order.pay": _("Button: pay the order"),
                        "buyer.order.repeat": _("Button: repeat the order"),
                        "buyer.order.cancel": _("Button: cancel the order"),
                    },
                ),
                Moment(
                    _("When he repeats an order."),
                    {
                        "buyer.order.repeated": _("Everything is in the cart again"),
                        "buyer.order.repeated_in_part": _("Not everything could be repeated"),
                    },
                ),
                Moment(
                    _("When he wants to cancel an order."),
                    {
                        "buyer.order.why_cancel": _("Question: why cancel"),
                        "buyer.order.keep": _("Button: do not cancel"),
                        "buyer.reason.changed_mind": _("Reason: changed his mind"),
                        "buyer.reason.found_elsewhere": _("Reason: found elsewhere"),
                        "buyer.reason.too_long": _("Reason: too long to wait"),
                        "buyer.reason.mistake": _("Reason: a mistake in the order"),
                        "buyer.reason.other": _("Reason: another one"),
                        "buyer.order.too_late": _("Too late to cancel"),
                        "buyer.order.cancelled_toast": _("The order is cancelled by him"),
                    },
                ),
                Moment(
                    _("When he wants to pay what needs no payment."),
                    {
                        "buyer.order.nothing_to_pay": _("Nothing to pay"),
                    },
                ),
            ),
        ),
        Group(
            _("Payment"),
            (
                Moment(
                    _("The message with the link to pay by."),
                    {
                        "buyer.payment.link": _("Link to pay by"),
                        "buyer.payment.kept_until": _("Until when the goods are kept"),
                        "buyer.payment.pay": _("Button: pay by the link"),
                    },
                ),
                Moment(
                    _("When the receipt has nowhere to go, before the link."),
                    {
                        "buyer.payment.ask_contact": _("Question: contact for the receipt"),
                        "buyer.payment.contact_noted": _("The contact is written down"),
                        "buyer.payment.not_now": _("He does not want to pay now"),
                        "buyer.payment.contact_to_operator": _("The contact, while an operator leads the conversation"),
                    },
                ),
            ),
        ),
        Group(
            _("Question to an operator"),
            (
                Moment(
                    _("When he asks for an operator or writes what the bot does not know."),
                    {
                        "buyer.question.invite": _("Invitation to write"),
                        "buyer.question.passed_on": _("Passed on to an operator"),
                        "buyer.question.passed_on_closed": _("Passed on while the shop is closed"),
                    },
                ),
                Moment(
                    _("When an order out of WhatsApp’s own catalogue has what the shop does not know."),
                    {
                        "buyer.wanted.unknown": _("Not found of a list"),
                    },
                ),
            ),
        ),
        Group(
            _("What happens with an order"),
            (
                Moment(
                    _("By themselves, when the order comes to this point."),
                    {
                        "notice.buyer.paid": _("The order is paid"),
                        "notice.buyer.assembling": _("The order is being assembled"),
                        "notice.buyer.delivery": _("The order is on its way"),
                        "notice.buyer.ready": _("The order is ready to be collected"),
                        "notice.buyer.complete": _("The order is handed over"),
                        "notice.buyer.cancelled": _("The order is cancelled"),
                        "notice.buyer.stage": _("The order is in another stage"),
                        "notice.buyer.open_order": _("Button: open the order"),
                    },
                ),
                Moment(
                    _("By themselves, when something comes of the money."),
                    {
                        "notice.buyer.link_expired": _("The link holds no more"),
                        "notice.buyer.new_link": _("Button: new link"),
                        "notice.buyer.refunded": _("Money is given back"),
                        "notice.buyer.link_refused": _("The order cannot be paid by link"),
                    },
                ),
            ),
        ),
        Group(
            _("From one messenger to another"),
            (
                Moment(
                    _("When he wants to go on in another messenger and gets a code."),
                    {
                        "buyer.passport.button": _("Button: into another messenger"),
                        "buyer.passport.code": _("The code, and where to send it"),
                        "buyer.passport.code_alone": _("The code, where no other chat can be linked to"),
                    },
                ),
                Moment(
                    _("In the messenger that he came to with the code."),
                    {
                        "buyer.passport.same": _("Everything is here already"),
                        "buyer.passport.welcome": _("Recognised by the code"),
                        "buyer.passport.welcome_unnamed": _("Recognised by the code, without a name"),
                    },
                ),
                Moment(
                    _("In the messenger that he left, in case it was somebody else."),
                    {
                        "buyer.passport.gone": _("Cart and orders are elsewhere"),
                        "buyer.passport.not_me": _("Button: not me, bring it back"),
                        "buyer.passport.taken_back": _("Brought back"),
                    },
                ),
                Moment(
                    _("Where he has no orders yet, and says that he bought elsewhere."),
                    {
                        "buyer.proven.elsewhere": _("Button: I bought elsewhere"),
                        "buyer.proven.by_number": _("How to be recognised by number"),
                        "buyer.proven.by_code": _("How to be recognised by code"),
                        "buyer.proven.noted": _("The number is proven"),
                    },
                ),
                Moment(
                    _("In both chats, when one number is proven in two messengers."),
                    {
                        "buyer.proven.here": _("Recognised by the number"),
                        "buyer.proven.there": _("The number is proven in another chat"),
                        "buyer.proven.not_me": _("Button: not me, part them"),
                        "buyer.proven.parted": _("Parted again"),
                    },
                ),
            ),
        ),
        Group(
            _("Subjects and cards"),
            (
                Moment(
                    _("In the subject of a letter, on the card in your site’s chat, and in your own thread."),
                    {
                        "buyer.checkout.title": _("Checkout"),
                        "buyer.order.title": _("Order with its number"),
                    },
                ),
            ),
        ),
    ]
