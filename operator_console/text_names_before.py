"""The words of the bot up to an order: each text with a name, and when a buyer sees it."""

from __future__ import annotations

from operator_console.text_groups import Group, Moment
from operator_console.texts import gettext as _


def groups() -> list[Group]:
    """In the order in which a buyer meets them."""
    return [
        Group(
            _("Greeting and menu"),
            (
                Moment(
                    _("The first thing a buyer hears, and whenever he begins anew."),
                    {
                        "buyer.greeting": _("Greeting"),
                        "buyer.greeting_unnamed": _("Greeting without a name"),
                    },
                ),
                Moment(
                    _("When he asks for help."),
                    {
                        "buyer.help": _("How to order"),
                    },
                ),
                Moment(
                    _("Buttons under the greeting."),
                    {
                        "buyer.menu.catalog": _("Button: catalogue"),
                        "buyer.menu.cart": _("Button: cart"),
                        "buyer.menu.orders": _("Button: my orders"),
                        "buyer.menu.question": _("Button: question to an operator"),
                    },
                ),
                Moment(
                    _("The button that leads one step back."),
                    {
                        "buyer.back": _("Button: back"),
                    },
                ),
                Moment(
                    _("When he presses a button of an old message."),
                    {
                        "buyer.stale": _("The menu is out of date"),
                    },
                ),
                Moment(
                    _("When he presses a button while an operator has the conversation."),
                    {
                        "buyer.operator_answers": _("An operator answers"),
                    },
                ),
            ),
        ),
        Group(
            _("Words that can be typed instead of buttons"),
            (
                Moment(
                    _("He never reads them: what he types is compared with them. Small letters, with | between them."),
                    {
                        "buyer.words.catalog": _("Words for the catalogue"),
                        "buyer.words.cart": _("Words for the cart"),
                        "buyer.words.orders": _("Words for the orders"),
                        "buyer.words.question": _("Words for an operator"),
                        "buyer.words.help": _("Words for help"),
                        "buyer.words.start": _("Words to begin anew"),
                        "buyer.words.passport": _("Words for another messenger"),
                    },
                ),
            ),
        ),
        Group(
            _("Catalogue"),
            (
                Moment(
                    _("Above the list of categories."),
                    {
                        "buyer.catalog.title": _("Title of the catalogue"),
                    },
                ),
                Moment(
                    _("Above the products of a category."),
                    {
                        "buyer.catalog.heading": _("Title of a category"),
                        "buyer.catalog.page": _("Which page it is"),
                        "buyer.catalog.empty": _("Nothing is there"),
                        "buyer.catalog.back": _("Button: all categories"),
                    },
                ),
                Moment(
                    _("One product in the list, with its price."),
                    {
                        "buyer.catalog.offer": _("Product with one price"),
                        "buyer.catalog.offer_from": _("Product with several prices"),
                        "buyer.catalog.offer_none": _("Product that is out of stock"),
                        "buyer.catalog.from": _("Price, where a product has several"),
                        "buyer.catalog.opens": _("Button: open the product"),
                        "buyer.catalog.further": _("Below the products, where they stand apart"),
                    },
                ),
                Moment(
                    _("Above what was found for the words that he wrote."),
                    {
                        "buyer.search.found": _("Found in the catalogue"),
                    },
                ),
            ),
        ),
        Group(
            _("Product"),
            (
                Moment(
                    _("The message about one product."),
                    {
                        "buyer.product.title": _("Name of the product"),
                        "buyer.product.description": _("Description"),
                        "buyer.product.attributes": _("Chosen colour, size and so on"),
                        "buyer.product.sku": _("Article number"),
                        "buyer.product.price": _("Price and stock"),
                    },
                ),
                Moment(
                    _("After the price: how many there are."),
                    {
                        "buyer.product.plenty": _("Enough in stock"),
                        "buyer.product.few": _("A few are left"),
                        "buyer.product.none": _("Nothing in stock"),
                    },
                ),
                Moment(
                    _("Buttons under the product."),
                    {
                        "buyer.product.choice_none": _("Button: a choice that is out of stock"),
                        "buyer.product.add": _("Button: into the cart"),
                        "buyer.product.in_cart": _("Button: how many are in the cart"),
                        "buyer.product.sold_out": _("Button: sold out"),
                    },
                ),
                Moment(
                    _("For a moment, after he has pressed a button."),
                    {
                        "buyer.product.added": _("It is in the cart"),
                        "buyer.product.sold_out_toast": _("It is out of stock just now"),
                    },
                ),
            ),
        ),
        Group(
            _("Cart"),
            (
                Moment(
                    _("The message of the cart."),
                    {
                        "buyer.cart.title": _("Title of the cart"),
                        "buyer.cart.empty": _("The cart is empty"),
                        "buyer.cart.line": _("Line of the cart"),
                        "buyer.cart.goods": _("Sum of the goods"),
                    },
                ),
                Moment(
                    _("Under a line of the cart, when something has changed since."),
                    {
                        "buyer.cart.price_changed": _("The price has changed"),
                        "buyer.cart.short": _("Fewer are left than wanted"),
                        "buyer.cart.gone": _("It is sold out"),
                    },
                ),
                Moment(
                    _("Buttons under the cart and under products."),
                    {
                        "buyer.cart.button": _("Button: cart with its sum"),
                        "buyer.cart.quantity": _("Button: pieces of a line"),
                        "buyer.cart.checkout": _("Button: order"),
                        "buyer.cart.clear": _("Button: empty the cart"),
                    },
                ),
                Moment(
                    _("For a moment, after he has taken something out."),
                    {
                        "buyer.cart.cleared": _("The cart was emptied"),
                        "buyer.cart.dropped": _("It was taken out of the cart"),
                    },
                ),
            ),
        ),
        Group(
            _("Checkout"),
            (
                Moment(
                    _("Questions of the checkout, one after another."),
                    {
                        "buyer.checkout.name": _("Question: name"),
                        "buyer.checkout.phone": _("Question: phone"),
                        "buyer.checkout.phone_contact": _("Question: phone, with a button"),
                        "buyer.checkout.delivery": _("Question: delivery"),
                        "buyer.checkout.address": _("Question: address"),
                        "buyer.checkout.comment": _("Question: wishes"),
                        "buyer.checkout.payment": _("Question: payment"),
                    },
                ),
                Moment(
                    _("Answers to choose from, under the questions."),
                    {
                        "buyer.checkout.send_contact": _("Button: send my number"),
                        "buyer.checkout.delivery_option": _("Button: way of delivery with its price"),
                        "buyer.checkout.no_comment": _("Button: no wishes"),
                        "buyer.checkout.pay_online": _("Button: pay online"),
                        "buyer.checkout.pay_on_receipt": _("Button: pay on receipt"),
                    },
                ),
                Moment(
                    _("After he has sent his number by the button."),
                    {
                        "buyer.checkout.phone_noted": _("The phone is written down"),
                        "buyer.checkout.going_on": _("The checkout goes on"),
                    },
                ),
                Moment(
                    _("Before he confirms: everything once more."),
                    {
                        "buyer.checkout.summary": _("Title of the summary"),
                        "buyer.checkout.will_pay_online": _("Payment: online"),
                        "buyer.checkout.will_pay_on_receipt": _("Payment: on receipt"),
                        "buyer.checkout.confirm": _("Button: confirm with the sum"),
                        "buyer.checkout.change_name": _("Button: change the name"),
                        "buyer.checkout.change_phone": _("Button: change the phone"),
                        "buyer.checkout.change_delivery": _("Button: change the delivery"),
                        "buyer.checkout.change_address": _("Button: change the address"),
                        "buyer.checkout.change_comment": _("Button: change the wishes"),
                        "buyer.checkout.change_payment": _("Button: change the payment"),
                    },
                ),
                Moment(
                    _("When he gives the checkout up."),
                    {
                        "buyer.checkout.leave": _("Button: cancel the checkout"),
                        "buyer.checkout.left": _("The checkout is cancelled"),
                    },
                ),
                Moment(
                    _("When cart, stock or prices have changed before he confirmed."),
                    {
                        "buyer.checkout.short": _("Something is short"),
                        "buyer.checkout.cart_changed": _("The cart has changed"),
                        "buyer.checkout.prices_changed": _("Prices have changed"),
                        "buyer.checkout.price_change": _("One changed price"),
                    },
                ),
                Moment(
                    _("For a moment, once the order is placed."),
                    {
                        "buyer.checkout.placed_toast": _("The order is accepted"),
                    },
                ),
            ),
        ),
    ]
