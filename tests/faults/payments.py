"""Money over a bad network, in every order of its news: `python -m tests.faults.payments`.

Three kinds of runs, each on YooKassa's stand-in over real connections: every permutation of webhook, poll and return
page with every fault of the first call; random stories (those of tests/payments); and money that comes too late.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import stock
from catalog.tables import Variant, Warehouse
from emulators.yookassa.faults import Fault
from orders.tables import Order
from payments import charging, looking, patience
from payments.tables import MoneyQuestion, Payment
from tests.faults.house import Databases
from tests.payments.test_random_stories import Story
from tests.payments.till import MERCHANT, Till, open_till

NEWS = ("webhook", "poll", "return")
FAULTS = (None, Fault.RESET_AFTER, Fault.ERROR_AFTER, Fault.BUSY)
"""What happens to the call that makes the payment; a time-out after it was made is a connection that ends."""

MOST_COPIES = 5


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which the news of one payment comes."""

    order: tuple[str, ...]
    copies: int
    fault: Fault | None
    old: bool
    """Old pictures come in between."""
    forged: bool


CASES = tuple(
    Case(*facts)
    for facts in itertools.product(
        itertools.permutations(NEWS), range(1, MOST_COPIES + 1), FAULTS, (False, True), (False, True)
    )
)


@dataclass(slots=True)
class Report:
    database: str
    seed: int
    runs: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    paid: int = 0
    charged_twice: int = 0
    differing: int = 0
    unflagged: int = 0
    late: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not (self.wrong or self.charged_twice or self.differing or self.unflagged)

    def words(self) -> str:
        return (
            f"{'PASSED' if self.passed else 'FAILED'}: payments on {self.database}; "
            f"{self.runs['cases']} orders of news, {self.runs['stories']} random stories, "
            f"{self.runs['late']} late sums; "
            f"orders {self.orders}, paid {self.paid}, charged twice {self.charged_twice}/{self.paid}, "
            f"ledger not the bank's {self.differing}/{self.orders}, "
            f"without their one question {self.unflagged}/{self.late}; seed {self.seed}, {round(self.seconds)} s"
            + (f"; WRONG: {'; '.join(self.wrong[:5])}" if self.wrong else "")
        )


@contextmanager
def impatient() -> Iterator[None]:
    """Calls are repeated soon: what is tried here is their order, not the pauses between them."""
    before = looking.NOT_SOONER, patience.SHORTEST
    looking.NOT_SOONER, patience.SHORTEST = timedelta(0), timedelta(milliseconds=20)
    try:
        yield
    finally:
        looking.NOT_SOONER, patience.SHORTEST = before


async def news(till: Till, case: Case, report: Report) -> None:
    """One order, paid once, whose news comes as the case says."""
    report.runs["cases"] += 1
    till.bank.webhook_urls[MERCHANT] = None
    if case.fault is not None:
        till.bank.fail_next(case.fault, on="POST /v3/payments")
    order = await till.order()
    payment = await till.link(order)
    assert payment.provider_id is not None
    if case.forged:
        await _forge(till, payment)
    till.bank.pay(payment.provider_id)
    signals: dict[str, Callable[[], Awaitable[object]]] = {
        "webhook": lambda: till.bank.redeliver(str(payment.provider_id), url=till.hook),
        "poll": till.poll,
        "return": lambda: till.comes_back(payment),
    }
    for name in case.order:
        await asyncio.gather(*(signals[name]() for _ in range(case.copies)))
        if case.old:
            await till.bank.forge(till.hook, "payment.waiting_for_capture", _early(till, payment))
        await till.settle()
    await _reckon(till, order, report, expected="paid")


async def _forge(till: Till, payment: Payment) -> None:
    """A thief says that it is paid, and that somebody else's is."""
    shown = till.bank.payment(str(payment.provider_id))
    await till.bank.forge(till.hook, "payment.succeeded", {**shown, "status": "succeeded", "paid": True})
    await till.bank.forge(till.hook, "payment.succeeded", {**shown, "id": "of-nobody", "status": "succeeded"})
    await till.settle()
    assert (await till.payment(payment.id)).paid_amount == 0


def _early(till: Till, payment: Payment) -> dict[str, object]:
    """The payment as it was before anybody paid."""
    return {**till.bank.payment(str(payment.provider_id)), "status": "pending", "paid": False}


async def _reckon(till: Till, order: Order, report: Report, *, expected: str = "") -> None:
    """Our ledger is the bank's, and one order was charged once."""
    now, number = await till.now(order), str(order.id)
    theirs = till.bank.paid_for(number).amount - till.bank.refunded_for(number).amount
    charged = sum(bool(row.paid.amount) for row in till.bank.ledger() if row.order == number)
    report.orders += 1
    report.paid += bool(charged)
    # Who paid by two links and got the one back has paid once.
    report.charged_twice += charged > 1 and theirs > now.total_amount and not now.flag
    report.differing += now.paid_amount != theirs
    if len(await till.db.read(charging.live, now)) > 1:
        report.wrong.append(f"order {now.number} has two live payments")
    if expected and now.stage.code != expected:
        report.wrong.append(f"order {now.number} is {now.stage.code}, and not {expected}")


# Late money

Late = Callable[[Till], Awaitable[tuple[Order, str]]]
"""A story of late money: the order, and the kind of question that it must have, "" for none."""


async def paid_after_it_expired(till: Till) -> tuple[Order, str]:
    order = await till.order()
    payment = await till.link(order)
    await till.cancel(order)
    till.bank.pay(str(payment.provider_id))
    return order, "late_payment"


async def paid_after_it_was_cancelled_and_told_many_times(till: Till) -> tuple[Order, str]:
    order, kind = await paid_after_it_expired(till)
    await till.settle()
    [payment] = await till.db.read(charging.of_order, order.id)
    await asyncio.gather(*(till.bank.redeliver(str(payment.provider_id), url=till.hook) for _ in range(5)))
    return order, kind


async def held_money_that_expired(till: Till) -> tuple[Order, str]:
    """Held and never taken: nothing came, so nothing is asked."""
    order = await till.order()
    payment = await till.link(order)
    till.bank.bank.payments[str(payment.provider_id)].capture = False
    till.bank.hold(str(payment.provider_id))
    await till.settle()
    assert (await till.payment(payment.id)).state == "authorised"
    till.bank.expire(str(payment.provider_id))
    return order, ""


async def held_money_that_is_taken_after_the_end(till: Till) -> tuple[Order, str]:
    order = await till.order()
    payment = await till.link(order)
    theirs = till.bank.bank.payments[str(payment.provider_id)]
    theirs.capture = False
    till.bank.hold(theirs.id)
    await till.settle()
    await till.cancel(order)
    till.bank.bank.capture(theirs, theirs.amount, None)
    return order, "late_payment"


async def paid_twice_by_two_links(till: Till) -> tuple[Order, str]:
    order = await till.order()
    first = await till.link(order)
    await till.discount(order, 45000)
    await till.discount(order, 0)
    second = await till.link(order)
    for payment in (first, second):
        till.bank.pay(str(payment.provider_id))
        await till.settle()
    return order, "second_payment"


async def paid_by_an_old_link_of_another_sum(till: Till) -> tuple[Order, str]:
    order = await till.order()
    payment = await till.link(order)
    await till.discount(order, 45000)
    till.bank.pay(str(payment.provider_id))
    return order, "wrong_amount"


async def three_parts_come_back(till: Till) -> tuple[Order, str]:
    order, payment = await till.paid_order()
    for n, part in enumerate((45000, 50000, 50000)):
        await till.refund(payment, part, f"part-{order.id}-{n}")
        if n != 1:
            await till.settle()
    return order, ""


async def returned_while_more_comes(till: Till) -> tuple[Order, str]:
    """A refund is under way, its answer is lost, and the other link is paid meanwhile."""
    order = await till.order()
    first = await till.link(order)
    await till.discount(order, 45000)
    await till.discount(order, 0)
    second = await till.link(order)
    till.bank.pay(str(first.provider_id))
    await till.settle()
    till.bank.fail_next(Fault.RESET_AFTER, on="POST /v3/refunds")
    await till.refund(first, 50000, f"while-{order.id}")
    till.bank.pay(str(second.provider_id))
    return order, "second_payment"


LATE: Sequence[Late] = (
    paid_after_it_expired,
    paid_after_it_was_cancelled_and_told_many_times,
    held_money_that_expired,
    held_money_that_is_taken_after_the_end,
    paid_twice_by_two_links,
    paid_by_an_old_link_of_another_sum,
    three_parts_come_back,
    returned_while_more_comes,
)


async def late(till: Till, tell: Late, report: Report) -> None:
    """Money that does not fit is one open question, however often it is told, and the order says so."""
    report.runs["late"] += 1
    till.bank.webhook_urls[MERCHANT] = till.hook
    order, kind = await tell(till)
    await till.settle()
    for _ in range(2):
        await till.poll()
    report.late += bool(kind)
    now = await till.now(order)
    query = sa.select(MoneyQuestion.kind).where(MoneyQuestion.order_id == order.id, MoneyQuestion.resolved_at.is_(None))
    asked = await till.db.read(lambda session: list(session.scalars(query)))
    if asked != [kind] * bool(kind) or now.flag != kind:
        report.unflagged += 1
        report.wrong.append(f"{tell.__name__}: {asked} asked and the order flagged {now.flag!r}, not {kind!r}")
    await _reckon(till, order, report)


# Random stories


async def random_story(till: Till, seed: int, report: Report) -> None:
    report.runs["stories"] += 1
    story = Story(till, seed)
    await story.tell()
    await story.ends()
    await story.the_books_agree()
    for order in story.orders:
        await _reckon(till, order, report)


async def run(
    databases: Databases, report: Report, *, cases: Sequence[Case], stories: Sequence[int], late_rounds: int
) -> None:
    """All of it, the stories each in a database of its own. What is wrong stands in the report."""
    began = time.monotonic()
    with impatient():
        if cases or late_rounds:
            async with open_till(databases.fresh()) as till:
                await till.db.write(_fill_shelf, till.goods[0])
                for case in cases:
                    await news(till, case, report)
                for tell in [*LATE] * late_rounds:
                    await late(till, tell, report)
        for seed in stories:
            async with open_till(databases.fresh()) as till:
                try:
                    await random_story(till, seed, report)
                except AssertionError as failure:
                    report.wrong.append(f"story {seed}: {str(failure).splitlines()[0] if str(failure) else failure!r}")
    report.seconds = time.monotonic() - began


def _fill_shelf(session: Session, variant_id: int) -> None:
    variant = session.get_one(Variant, variant_id)
    room = session.scalars(sa.select(Warehouse).where(Warehouse.shop_id == variant.shop_id)).one()
    stock.receive(session, variant, room, 100_000, actor="system")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.payments", description=__doc__)
    parser.add_argument("--size", type=int, default=20, help="how many random stories")
    parser.add_argument("--cases", type=int, default=len(CASES), help="how many orders of news; all by default")
    parser.add_argument("--late", type=int, default=5, help=f"how many rounds of {len(LATE)} stories of late money")
    parser.add_argument("--seed", type=int, default=0, help="repeats a run's choices; a random one by default")
    parser.add_argument("--database", default="", help="a PostgreSQL address; SQLite files by default")
    options = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    seed = options.seed or random.randrange(1, 10**6)
    report = Report("postgresql" if options.database else "sqlite", seed)
    cases = random.Random(seed).sample(CASES, options.cases)
    with tempfile.TemporaryDirectory(prefix="prilavok-payments-") as name:
        databases = Databases(Path(name), options.database)
        stories = range(seed, seed + options.size)
        try:
            asyncio.run(run(databases, report, cases=cases, stories=stories, late_rounds=options.late))
        finally:
            databases.close()
    print(report.words())
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
