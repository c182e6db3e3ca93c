"""Two at once, the second exactly where it would hurt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import orders.history  # noqa: F401  with it, create_all makes the triggers
from catalog import promises, stock
from catalog.promises import OutOfStock
from catalog.stock import StillReserved
from catalog.tables import Variant, Warehouse
from company.tables import Shop
from customers.tables import Customer
from inbox import conversations, keeping, messages
from inbox.content import Outgoing
from inbox.tables import Author, Conversation, Message
from kit.clock import utc_now
from kit.money import Money
from orders import book, checkout, jobs, stages
from orders.stages import RefundFirst
from orders.tables import Order, StageMove
from payments import applying, charging, ledger, questions, refunding
from payments.providers.base import PaymentState, ProviderPayment, ProviderRefund, RefundState
from payments.refunding import TooMuch
from payments.tables import LedgerEntry, MoneyQuestion, Payment, PaymentAccount
from storage.jobs import Job
from tests.faults.rivals import Rival, at, finished
from tests.orders.floor import ONLINE, Floor
from tests.worlds import World

pytestmark = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)

MERCHANT = "700700"
SIDES = pytest.mark.parametrize("before", [True, False], ids=["before", "after"])


class Scene:
    """The shop floor, committed, with one cup on the shelf."""

    def __init__(self, engine: sa.Engine, session: Session) -> None:
        self.engine, self.session = engine, session
        self.floor = Floor(session)
        self.cup = self.floor.item("CUP", on_hand=1)
        self.shop_id, self.anna_id = self.floor.shop.id, self.floor.anna.id
        account = PaymentAccount(
            shop_id=self.shop_id, provider="yookassa", name="ЮKassa", external_id=MERCHANT, created_at=utc_now()
        )
        session.add(account)
        session.commit()

    def orders(self, session: Session) -> int:
        shop, anna = session.get_one(Shop, self.shop_id), session.get_one(Customer, self.anna_id)
        return checkout.make(session, shop, anna, [(self.cup.id, 1)], ONLINE, actor="staff:1").id

    def ordered(self) -> int:
        return int(self.alone(self.orders))

    def linked(self) -> tuple[int, int]:
        """An order with a link that the provider has made: (order, payment)."""
        order_id = self.ordered()

        def link(session: Session) -> int:
            payment = charging.request(session, book.locked(session, order_id), actor="bot")
            applying.apply(session, payment.id, self.seen(session, payment.id, PaymentState.PENDING))
            return payment.id

        return order_id, int(self.alone(link))

    def paid(self) -> tuple[int, int]:
        order_id, payment_id = self.linked()
        self.alone(self.pays(payment_id))
        return order_id, payment_id

    def pays(self, payment_id: int) -> Callable[[Session], None]:
        def act(session: Session) -> None:
            applying.apply(session, payment_id, self.seen(session, payment_id, PaymentState.PAID))

        return act

    def cancels(self, order_id: int) -> Callable[[Session], None]:
        def act(session: Session) -> None:
            stages.cancel(session, book.locked(session, order_id), actor="staff:1", reason="mistake")

        return act

    def expires(self, order_id: int) -> Callable[[Session], None]:
        """Its time is over."""

        def act(session: Session) -> None:
            session.execute(sa.update(Order).where(Order.id == order_id).values(reserved_until=utc_now()))
            jobs.expire(session, Job(1, f"expire:{order_id}", "orders.expire", {"order_id": order_id}, 0, 0))

        return act

    def asks_back(self, payment_id: int, amount: int, form: str) -> Callable[[Session], int]:
        def act(session: Session) -> int:
            payment = session.get_one(Payment, payment_id)
            asked = refunding.ask(session, payment, Money(amount), reason="Скол", actor="staff:1", key=form)
            return asked.amount

        return act

    def says(self, chat: int, words: str) -> Callable[[Session], None]:
        def act(session: Session) -> None:
            session.connection().info["words"] = words
            messages.say(session, session.get_one(Conversation, chat), Outgoing(text=words), author=Author.BOT)

        return act

    def returned_in_the_cabinet(self, payment_id: int, amount: int) -> Callable[[Session], None]:
        def act(session: Session) -> None:
            payment = session.get_one(Payment, payment_id)
            seen = ProviderRefund("refund-1", payment.provider_id or "", RefundState.SUCCEEDED, Money(amount))
            refunding.adopt(session, payment, seen)

        return act

    def seen(self, session: Session, payment_id: int, state: PaymentState) -> ProviderPayment:
        payment = session.get_one(Payment, payment_id)
        order = session.get_one(Order, payment.order_id)
        whole = Money(payment.amount)
        return ProviderPayment(
            provider_id=f"theirs-{payment_id}",
            state=state,
            amount=whole,
            paid=whole if state is PaymentState.PAID else Money(0),
            refunded=Money(0),
            test=False,
            account=MERCHANT,
            metadata=charging.metadata(payment, order),
        )

    def alone(self, act: Callable[[Session], Any]) -> Any:
        with Session(self.engine, expire_on_commit=False) as session:
            return finished(session, act)

    def rival(self, act: Callable[[Session], Any]) -> Rival:
        return Rival(self.engine, act)

    def shelf(self) -> tuple[int, int]:
        self.session.rollback()
        return self.floor.shelf(self.cup)

    def books(self, payment_id: int) -> list[tuple[str, int]]:
        entries = self.alone(lambda session: ledger.of_payment(session, payment_id))
        return [(entry.effect, entry.amount) for entry in entries]

    def order(self, order_id: int) -> Order:
        found: Order = self.alone(lambda session: book.get(session, self.shop_id, order_id))
        return found

    def count(self, table: type[Any]) -> int:
        return int(self.alone(lambda session: session.scalar(sa.select(sa.func.count()).select_from(table))))


@pytest.fixture
def scene(engine: sa.Engine, session: Session) -> Scene:
    return Scene(engine, session)


@SIDES
def test_reserve_and_reserve(scene: Scene, before: bool) -> None:
    """Of two who want the last cup one gets it, and the other is told that there is none."""
    rival = scene.rival(scene.orders)
    with at(promises, "_plan", rival, before=before):
        mine = scene.alone(scene.orders)
    ends = [mine, rival.came()]
    assert ends.count(OutOfStock) == 1, ends
    assert scene.shelf() == (1, 1)


@SIDES
def test_promise_and_promise(scene: Scene, before: bool) -> None:
    """The same without the order's number, whose row makes two orders of one shop wait for each other anyway."""

    def wants(owner: str) -> Callable[[Session], None]:
        return lambda session: promises.reserve(session, owner, {scene.cup.id: 1})

    rival = scene.rival(wants("order:2"))
    with at(promises, "_plan", rival, before=before):
        mine = scene.alone(wants("order:1"))
    assert [mine, rival.came()].count(OutOfStock) == 1
    assert scene.shelf() == (1, 1)


@SIDES
@pytest.mark.parametrize("where", ["release", "_free"])
def test_reserve_and_cancel(scene: Scene, where: str, before: bool) -> None:
    """Whoever orders while the last cup comes back gets it, or is told that there is none."""
    order_id = scene.ordered()
    rival = scene.rival(scene.orders)
    with at(promises, where, rival, before=before):
        scene.alone(scene.cancels(order_id))
    got_it = rival.came() is not OutOfStock
    assert scene.shelf() == (1, int(got_it))


@SIDES
def test_cancel_and_reserve(scene: Scene, before: bool) -> None:
    order_id = scene.ordered()
    rival = scene.rival(scene.cancels(order_id))
    with at(promises, "_plan", rival, before=before):
        mine = scene.alone(scene.orders)
    rival.came()
    assert scene.shelf() == (1, int(mine is not OutOfStock))


@SIDES
@pytest.mark.parametrize("where", ["enter"])
def test_webhook_and_poll(scene: Scene, where: str, before: bool) -> None:
    """Both report the same money; it is entered once and moves the order once."""
    order_id, payment_id = scene.linked()
    rival = scene.rival(scene.pays(payment_id))
    with at(ledger, where, rival, before=before):
        scene.alone(scene.pays(payment_id))
    rival.came()
    assert scene.books(payment_id) == [("capture", 145000)]
    order = scene.order(order_id)
    assert (order.paid_amount, order.stage.code, order.flag) == (145000, "paid", "")


@SIDES
@pytest.mark.parametrize("where", ["refundable", "put_refund"])
def test_webhook_and_refund(scene: Scene, where: str, before: bool) -> None:
    """The cabinet's refund is reported while an operator asks for another: together no more than came is promised."""
    _, payment_id = scene.paid()
    rival = scene.rival(scene.returned_in_the_cabinet(payment_id, 100000))
    with at(refunding, where, rival, before=before):
        asked = scene.alone(scene.asks_back(payment_id, 145000, "form-1"))
    rival.came()
    assert scene.books(payment_id) == [("capture", 145000), ("refund", -100000)]
    refunds = scene.alone(lambda session: refunding.of_order(session, session.get_one(Payment, payment_id).order_id))
    # What the provider has given already is a fact, whatever was asked for here; the rest it will refuse.
    assert sum(refund.amount for refund in refunds) == 100000 + (0 if asked is TooMuch else 145000)
    assert asked in (TooMuch, 145000)


@SIDES
def test_refund_and_refund(scene: Scene, before: bool) -> None:
    _, payment_id = scene.paid()
    rival = scene.rival(scene.asks_back(payment_id, 100000, "form-2"))
    with at(refunding, "refundable", rival, before=before):
        asked = scene.alone(scene.asks_back(payment_id, 100000, "form-1"))
    assert sorted([asked, rival.came()], key=str) == sorted([TooMuch, 100000], key=str)


@SIDES
def test_capture_and_expire(scene: Scene, before: bool) -> None:
    """Money comes in the moment in which the order's time is over: the order is paid, or cancelled with a question."""
    order_id, payment_id = scene.linked()
    rival = scene.rival(scene.expires(order_id))
    with at(charging, "lock", rival, before=before):
        scene.alone(scene.pays(payment_id))
    rival.came()
    assert_one_way_or_the_other(scene, order_id, payment_id)


@SIDES
def test_expire_and_capture(scene: Scene, before: bool) -> None:
    order_id, payment_id = scene.linked()
    rival = scene.rival(scene.pays(payment_id))
    with at(jobs, "locked", rival, before=before):
        scene.alone(scene.expires(order_id))
    rival.came()
    assert_one_way_or_the_other(scene, order_id, payment_id)


def assert_one_way_or_the_other(scene: Scene, order_id: int, payment_id: int) -> None:
    order = scene.order(order_id)
    assert scene.books(payment_id) == [("capture", 145000)]
    held = int(order.stage.code == "paid")
    assert scene.shelf() == (1, held)
    assert (order.stage.code, order.flag) in [("paid", ""), ("cancelled", "late_payment")]
    assert scene.count(MoneyQuestion) == (0 if held else 1)
    seqs = scene.alone(
        lambda session: list(session.scalars(sa.select(StageMove.seq).where(StageMove.order_id == order_id)))
    )
    assert sorted(seqs) == list(range(1, len(seqs) + 1))


@SIDES
def test_cancel_and_capture(scene: Scene, before: bool) -> None:
    """An operator cancels while the money comes: he is told to give it back first, or it is late money."""
    order_id, payment_id = scene.linked()
    rival = scene.rival(scene.pays(payment_id))
    with at(stages, "_refusal", rival, before=before):
        came = scene.alone(scene.cancels(order_id))
    rival.came()
    assert came in (None, RefundFirst) or not isinstance(came, type)
    assert_one_way_or_the_other(scene, order_id, payment_id)


@SIDES
def test_import_and_reserve(scene: Scene, before: bool) -> None:
    """A count says that there is none while somebody takes the last one: one of the two is refused."""

    def counts(session: Session) -> None:
        room = session.scalars(sa.select(Warehouse)).one()
        stock.correct(session, session.get_one(Variant, scene.cup.id), room, 0, actor="staff:1")

    rival = scene.rival(counts)
    with at(promises, "_plan", rival, before=before):
        mine = scene.alone(scene.orders)
    theirs = rival.came()
    assert (mine, theirs, scene.shelf()) in [(OutOfStock, None, (0, 0)), (mine, StillReserved, (1, 1))]
    assert (mine is OutOfStock) != (theirs is StillReserved)


@SIDES
def test_open_thread_and_open_thread(scene: Scene, before: bool) -> None:
    """The first two words of a buyer over two connections at once open one conversation."""
    world = World(scene.session)
    account = world.account()
    scene.session.commit()

    def opens(session: Session) -> int:
        return conversations.open_for(session, account, "77", customer_id=None, locale="ru").id

    rival = scene.rival(opens)
    with at(conversations, "utc_now", rival, before=before):
        mine = scene.alone(opens)
    assert mine == rival.came()
    assert scene.count(Conversation) == 1


@SIDES
def test_question_and_question(scene: Scene, before: bool) -> None:
    """Late money that is reported twice at once is one question."""
    order_id, payment_id = scene.linked()
    scene.alone(scene.cancels(order_id))
    rival = scene.rival(scene.pays(payment_id))
    with at(questions, "utc_now", rival, before=before):
        scene.alone(scene.pays(payment_id))
    rival.came()
    assert (scene.count(MoneyQuestion), scene.count(LedgerEntry)) == (1, 1)


@SIDES
def test_word_and_word(scene: Scene, before: bool) -> None:
    """A notice while an answer is being said: who draws the lower number is committed first, for so they are sent."""
    account = World(scene.session).account()
    scene.session.commit()
    chat = conversations.open_for(scene.session, account, "77", customer_id=None, locale="ru").id
    scene.session.commit()
    committed: list[str] = []
    sa.event.listen(scene.engine, "commit", lambda connection: committed.append(connection.info.pop("words", "")))
    rival = scene.rival(scene.says(chat, "Заказ оплачен"))
    with at(keeping, "insert", rival, before=before):
        scene.alone(scene.says(chat, "Здравствуйте"))
    rival.came()
    said = list(scene.session.scalars(sa.select(Message.text).order_by(Message.id)))
    assert said == [words for words in committed if words]
