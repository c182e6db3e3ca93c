"""Planted bugs, each of a kind that shops like this one have had, and the check that must find it.

A check is a test, by its pytest name, or "model": stories of tests.faults.model. `postgres` marks those that show only
where two transactions may run at once.
"""

# Lines stand here as they stand in the code, four of its blanks within ours.
# ruff: noqa: E501

from __future__ import annotations

from dataclasses import dataclass

MODEL = "model"
RIVALS = "tests/faults/test_rivals.py::"
APPLYING = "tests/payments/test_applying.py::"


@dataclass(frozen=True, slots=True)
class Edit:
    """`old` stands exactly once in the file, and is replaced by `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """`fast` ones are tried on each change of the code."""

    name: str
    why: str
    check: str
    edits: tuple[Edit, ...]
    postgres: bool = False
    fast: bool = False


MUTANTS = (
    Mutant(
        "marked sent before sending",
        "who dies in between has told the operator a lie",
        "tests/faults/test_restarts.py",
        (
            Edit(
                "bot/delivery.py",
                "message.delivery = Delivery.SENDING\n        save",
                "message.delivery = Delivery.SENT\n        save",
            ),
        ),
    ),
    Mutant(
        "own words sent again",
        "an operator's words of which nobody knows whether they arrived come twice",
        "tests/faults/test_restarts.py",
        (
            Edit(
                "bot/delivery.py",
                "if not message.repeatable or message.error == doubts.REPEATED:",
                "if message.error == doubts.REPEATED:",
            ),
        ),
        fast=True,
    ),
    Mutant(
        "sent again for ever",
        "a message whose answer is lost each time arrives each time",
        "tests/faults/test_restarts.py",
        (
            Edit(
                "bot/delivery.py",
                "        if message.repeatable and message.error != doubts.REPEATED:",
                "        if message.repeatable:",
            ),
        ),
    ),
    Mutant(
        "job closed before its effect",
        "what a dead process was sending is never looked at again",
        "tests/faults/test_restarts.py",
        (
            Edit(
                "storage/turns.py",
                "        if taken is None:\n            return None, lanes.close(session, job)\n",
                "        if taken is None:\n            return None, lanes.close(session, job)\n        lanes.close(session, job)\n",
            ),
        ),
    ),
    Mutant(
        "edit lost during the sending",
        "the buyer looks at an older version, whose buttons are out of date",
        "tests/bot/test_delivery_races.py",
        (Edit("bot/delivery.py", "if version > errand.parcel.version:", "if version < 0:"),),
    ),
    Mutant(
        "offset moved before the commit",
        "updates that could not be stored are confirmed and never come again",
        "tests/faults/test_duplicates.py::test_what_could_not_be_stored_comes_again",
        (
            Edit(
                "bot/channels/telegram_receive.py",
                '                    await self.take(updates)\n                    offset = updates[-1]["update_id"] + 1',
                '                    offset = updates[-1]["update_id"] + 1\n                    await self.take(updates)',
            ),
        ),
    ),
    Mutant(
        "webhook answered before the commit",
        "a messenger that heard 200 never sends the update again",
        "tests/faults/test_duplicates.py::test_a_webhook_is_not_answered_well_when_its_update_is_not_stored",
        (
            Edit(
                "bot/channels/telegram_receive.py",
                "        await self.take([update])\n",
                "        task = asyncio.ensure_future(self.take([update]))\n"
                "        task.add_done_callback(lambda ended: ended.exception())\n",
            ),
        ),
    ),
    Mutant(
        "inbound without a key",
        "an update that comes twice is answered twice",
        "tests/faults/test_duplicates.py::test_every_update_is_stored_and_answered_once_and_chats_keep_their_order",
        (Edit("bot/incoming.py", "dedup_key=lanes.key_of(account_id, envelope.external_id)", "dedup_key=None"),),
        fast=True,
    ),
    Mutant(
        "a lane for each update",
        "what a buyer says first may be handled last",
        "tests/bot/test_incoming.py",
        (
            Edit(
                "bot/incoming.py",
                "lane=lanes.coming_from(account_id, envelope.chat)",
                "lane=lanes.coming_from(account_id, envelope.external_id)",
            ),
        ),
    ),
    Mutant(
        "lease without fencing",
        "a worker that comes back from the dead commits over its successor",
        "tests/storage/test_worker.py::test_a_worker_that_lost_its_lane_cannot_commit",
        (Edit("storage/turns.py", "raise Fenced(lane)", "pass"),),
        fast=True,
    ),
    Mutant(
        "what waits is overtaken",
        "a message that is handled as it comes in goes before one that was left from before",
        "tests/storage/test_turns.py",
        (Edit("storage/turns.py", "if taken is None or taken.waits:", "if taken is None:"),),
    ),
    Mutant(
        "what a savepoint took back is begun",
        "a buyer is sent what was never said",
        "tests/storage/test_turns.py",
        (Edit("storage/jobs.py", "if session.in_nested_transaction():", "if session is None:"),),
    ),
    Mutant(
        "what was put is begun twice",
        "a job that another one put behind itself is done from memory and once more",
        "tests/storage/test_turns.py",
        (Edit("storage/turns.py", "        jobs.begun(session, job)\n", ""),),
        fast=True,
    ),
    Mutant(
        "a commit in doubt is made again",
        "who shares a transaction with others does twice what he asked for once",
        "tests/storage/test_database.py",
        (Edit("storage/writers.py", "        if self._committing:\n", "        if self._loop is None:\n"),),
        postgres=True,
    ),
    Mutant(
        "lost rings stay lost",
        "what a dead worker left waits for ever",
        "tests/storage/test_worker.py::test_what_a_dead_process_left_is_found_by_the_next",
        (
            Edit(
                "storage/lanes.py",
                ".where(sa.or_(Lane.lease_until < now, Lane.lane.is_(None)))",
                ".where(Lane.lane.is_(None))",
            ),
        ),
    ),
    Mutant(
        "old menus are honoured",
        "a tap on what is no longer shown does what nobody meant",
        "tests/bot/test_flows_talk.py::test_a_second_tap_on_an_old_version_only_says_so",
        (Edit("bot/flows/dialog.py", "(not turn.stale or _is_steady(turn, action))", "True"),),
    ),
    Mutant(
        "who comes first may go second",
        "a buyer hears the answer before the notice that it is about",
        RIVALS + "test_word_and_word",
        (Edit("inbox/messages.py", "    conversations.hold(session, conversation)\n", ""),),
        postgres=True,
    ),
    Mutant(
        "two threads of one chat",
        "half of the talk is in the one, half in the other",
        RIVALS + "test_open_thread_and_open_thread",
        (
            Edit("inbox/tables.py", '        sa.UniqueConstraint("account_id", "chat"),\n', ""),
            Edit("inbox/conversations.py", "insertion(Conversation, once=True)", "insertion(Conversation)"),
        ),
        postgres=True,
    ),
    Mutant(
        "a thread is looked for, then made",
        "the second of two first words fails",
        RIVALS + "test_open_thread_and_open_thread",
        (Edit("inbox/conversations.py", "insertion(Conversation, once=True)", "insertion(Conversation)"),),
        postgres=True,
    ),
    Mutant(
        "stock looked at, then taken",
        "two see the last piece, and both take it",
        RIVALS + "test_promise_and_promise",
        (Edit("catalog/promises.py", "        .with_for_update(of=_stock)\n    )\n    shelves", "    )\n    shelves"),),
        postgres=True,
    ),
    Mutant(
        "goods kept for a cancelled order",
        "what nobody wants any more cannot be sold",
        "tests/orders/test_stages.py::test_a_cancelled_order_frees_its_goods",
        (
            Edit(
                "orders/reserving.py",
                "(Whereabouts.HELD, Whereabouts.FREE): (release,),",
                "(Whereabouts.HELD, Whereabouts.FREE): (),",
            ),
        ),
    ),
    Mutant(
        "shipped and still on the shelf",
        "the same piece is sold again",
        "tests/orders/test_stages.py::test_goods_follow_the_order_to_the_buyer_and_back",
        (
            Edit(
                "orders/reserving.py",
                "(Whereabouts.HELD, Whereabouts.GONE): (hand_over,),",
                "(Whereabouts.HELD, Whereabouts.GONE): (release,),",
            ),
        ),
    ),
    Mutant(
        "a stage without its history",
        "nobody knows who moved the order, and when",
        MODEL,
        (
            Edit(
                "orders/paying.py",
                'stages.enter(session, order, stage_of(session, order, pipelines.PAID), actor="payment")',
                "order.stage = stage_of(session, order, pipelines.PAID)",
            ),
        ),
    ),
    Mutant(
        "a press is an order each time",
        "an impatient buyer orders twice",
        "tests/orders/test_races.py::test_a_press_that_arrives_in_many_copies_is_one_order",
        (
            Edit(
                "orders/checkout.py",
                "    cart = carts.held(session, shop.id, customer.id)\n    if (twin := _of_act(session, shop.id, dedup_key)) is not None:",
                "    cart = carts.held(session, shop.id, customer.id)\n    if (twin := None) is not None:",
            ),
        ),
    ),
    Mutant(
        "the notification is believed",
        "anyone can write that he has paid",
        "tests/payments/test_notifications.py::test_a_forged_success_pays_nothing",
        (
            Edit(
                "payments/web.py",
                "from payments import accounts, looking\n",
                "from payments import accounts, applying, looking\n",
            ),
            Edit("payments/web.py", "notice_of\nfrom", "notice_of, payment_of\nfrom"),
            Edit(
                "payments/web.py",
                "        notice = notice_of(body)\n",
                '        notice = notice_of(body)\n        await self._db.write(_believe, orjson.loads(body)["object"])\n',
            ),
            Edit(
                "payments/web.py",
                "def _hint(",
                "def _believe(session, told):\n"
                "    seen = payment_of(told)\n"
                '    applying.apply(session, by_token(session, seen.metadata["payment"]).id, seen)\n\n\n'
                "def _hint(",
            ),
        ),
    ),
    Mutant(
        "a late cancellation undoes the money",
        "the buyer has paid, and is told that he has not",
        APPLYING + "test_old_news_never_undo_a_payment",
        (
            Edit(
                "payments/applying.py",
                "elif seen.state in STATES and is_later(STATES[seen.state], payment.state):",
                "elif seen.state in STATES:",
            ),
        ),
    ),
    Mutant(
        "money counted each time it is reported",
        "one payment pays for two",
        APPLYING + "test_the_same_report_applied_by_many_at_once_counts_once",
        (
            Edit(
                "payments/applying.py",
                "    if not ledger.enter(session, payment, ledger.CAPTURE, seen.provider_id, seen.paid):\n        return\n",
                "    ledger.enter(session, payment, ledger.CAPTURE, seen.provider_id, seen.paid)\n",
            ),
        ),
    ),
    Mutant(
        "late money pays a cancelled order",
        "the goods are sold to somebody else, and the money is nobody's question",
        "tests/faults/test_payments.py::test_each_late_sum_is_one_open_question",
        (
            Edit(
                "payments/applying.py",
                "    if order.stage.group == Group.CANCELLED:\n        return Kind.LATE_PAYMENT\n",
                "",
            ),
        ),
    ),
    Mutant(
        "the second payment is silent",
        "a buyer paid twice, and nobody was asked",
        APPLYING + "test_two_paid_links_of_one_order_are_one_payment_and_one_question",
        (Edit("payments/applying.py", "    if reserving.settled(order):\n        return Kind.SECOND_PAYMENT\n", ""),),
    ),
    Mutant(
        "the sum is not compared",
        "a payment of less is taken for the whole",
        APPLYING + "test_a_wrong_sum_is_counted_but_pays_no_order",
        (
            Edit(
                "payments/applying.py",
                "if came.amount != payment.amount or came > charging.due(order):",
                "if came > charging.due(order):",
            ),
        ),
    ),
    Mutant(
        "another shop's money",
        "a payment to somebody else pays our order",
        APPLYING + "test_money_that_is_not_for_this_payment_is_asked_about_and_not_taken",
        (Edit("payments/applying.py", "if seen.account != account.external_id:", "if not seen.account:"),),
    ),
    Mutant(
        "a new key for each try",
        "a lost answer makes a second payment",
        "tests/payments/test_unreliable_provider.py::test_a_call_that_fails_is_repeated_with_its_key_and_makes_one_payment",
        (
            Edit(
                "payments/starting.py",
                "from dataclasses import dataclass\n",
                "import uuid\nfrom dataclasses import dataclass, replace\n",
            ),
            Edit(
                "payments/starting.py",
                "charge=charging.charge(session, payment, self._public_url),",
                "charge=replace(charging.charge(session, payment, self._public_url), key=uuid.uuid4().hex),",
            ),
        ),
        fast=True,
    ),
    Mutant(
        "the old link stays alive",
        "the buyer holds two links, and may pay both",
        "tests/payments/test_charging.py::test_a_changed_order_has_a_new_link_and_the_old_one_is_replaced",
        (
            Edit(
                "payments/charging.py",
                "            replace(session, order, payment, actor=actor)\n    return",
                "            pass\n    return",
            ),
        ),
    ),
    Mutant(
        "refund without a lock",
        "two operators give back more than came",
        RIVALS + "test_refund_and_refund",
        (
            Edit(
                "payments/refunding.py",
                "    order, payment = charging.lock(session, payment.id)\n    twin",
                "    order = session.get_one(Order, payment.order_id)\n    twin",
            ),
        ),
        postgres=True,
    ),
    Mutant(
        "a form sent twice gives back twice",
        "a double click costs the shop money",
        "tests/payments/test_refunding.py::test_a_form_sent_twenty_times_gives_back_once",
        (
            Edit(
                "payments/refunding.py",
                "    twin = session.scalar(sa.select(Refund).where(Refund.key == key))\n",
                '    twin, key = None, f"{key[:40]}-{utc_now().timestamp()}"\n',
            ),
        ),
    ),
    Mutant(
        "an order expires under the buyer",
        "the goods are gone while the bank still takes his money",
        "tests/orders/test_jobs.py::test_a_reservation_does_not_end_early",
        (Edit("orders/jobs.py", "if order.reserved_until > utc_now():", "if order.reserved_until is None:"),),
    ),
)
