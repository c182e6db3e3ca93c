"""Two cards become one and two again: everything that leads to a customer moves, and only that goes back."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import tasks
from automation.holders import COPIED, HOLDERS
from automation.tasks import About, Wanted
from company import shops
from company.tables import Shop
from customers import cards, consents, contacts, fields, identities, merging
from customers.tables import ConsentTo, ConsentVia, Customer, FieldKind, Identity, Merge
from inbox import conversations
from inbox.content import Profile
from inbox.tables import Conversation
from orders import cart as carts
from orders import checkout
from orders.details import Details
from orders.tables import Order
from storage.schema import Base
from storage.tables import EventRow
from tests.bot.chats import Chat, Counter
from tests.worlds import World

MARINA = "staff:2"


class Twins:
    """Анна has written to the shop's bot, and once more from another account, as Аня."""

    def __init__(self, world: World) -> None:
        self.session = world.session
        self.counter = Counter(world)
        self.shop = world.shop
        self.here = self.counter.chat("anna", "Анна Ветрова")
        self.there = Chat(self.counter, self.counter.account, Profile("anya", name="Аня"))
        self.kept, self.gone = self.here.customer, self.there.customer

    def order(self, customer: Customer) -> Order:
        wanted = [(self.counter.mug.id, 1)]
        return checkout.make(self.session, self.shop, customer, wanted, Details(), actor="bot")

    def merge(self, *taken: str) -> Merge:
        return merging.merge(
            self.session, self.shop.id, self.kept.id, self.gone.id, taken=taken, actor=MARINA, holders=HOLDERS
        )

    def undo(self, merge: Merge) -> Merge:
        return merging.undo(self.session, self.shop.id, merge.id, actor=MARINA, holders=HOLDERS)

    def state(self) -> dict[str, Any]:
        """All that leads to either of the two, and both cards."""
        self.session.flush()
        self.session.expire_all()
        found: dict[str, Any] = {}
        for name, column in references().items():
            if name.startswith(("customer_merge.", "customer_apart.")):
                continue
            keys = list(column.table.primary_key.columns)
            rows = self.session.execute(sa.select(*keys, column).order_by(*keys))
            found[name] = [tuple(row) for row in rows if row[-1] in (self.kept.id, self.gone.id)]
        for row in (self.kept, self.gone):
            found[f"card {row.id}"] = {c.key: getattr(row, c.key) for c in sa.inspect(Customer).column_attrs}
            lines = carts.inside(self.session, self.shop.id, row.id)
            found[f"cart {row.id}"] = sorted(lines)
            found[f"values {row.id}"] = [(one.field.id, one.value) for one in fields.of(self.session, row)]
            found[f"contacts {row.id}"] = [one.value for one in contacts.of(self.session, row)]
        return found


def references() -> dict[str, sa.Column[Any]]:
    """Every column of every table that leads to a customer."""
    customer = Base.metadata.tables["customer"].c.id
    return {
        f"{table.name}.{column.name}": column
        for table in Base.metadata.tables.values()
        for column in table.columns
        if any(key.column is customer for key in column.foreign_keys) or column.name == "customer_id"
    }


@pytest.fixture
def twins(world: World) -> Twins:
    return Twins(world)


def test_every_column_that_leads_to_a_customer_is_moved_or_stays_on_purpose() -> None:
    assert set(references()) == set(HOLDERS) | COPIED


def test_everything_of_the_other_leads_to_the_kept_one(twins: Twins, session: Session) -> None:
    order = twins.order(twins.gone)
    twins.merge()
    assert twins.gone.merged_into_id == twins.kept.id
    assert order.customer_id == twins.there.conversation.customer_id == twins.kept.id
    assert len(cards.identities(session, twins.kept.id)) == 2
    assert cards.get(session, twins.gone.id, twins.shop.id) is twins.kept
    assert cards.held(session, twins.gone.id, twins.shop.id) is twins.kept
    assert cards.search(session, twins.shop.id, "Аня") == []
    assert identities.recognise(session, twins.counter.account, external_id="anya").customer_id == twins.kept.id


def test_the_card_is_completed_and_of_two_values_the_chosen_one_stays(twins: Twins, session: Session) -> None:
    size = fields.add(session, twins.shop.id, name="Размер", kind=FieldKind.NUMBER)
    pet = fields.add(session, twins.shop.id, name="Кот", kind=FieldKind.TEXT)
    cards.remember(session, twins.kept, phone="89001234567", city="Казань", note="Первая", tags=["опт"])
    cards.remember(session, twins.gone, phone="89017654321", email="anya@mail.example", city="Москва", note="Вторая")
    cards.remember(session, twins.gone, tags=["опт", "керамика"], address="Лесная, 4")
    fields.fill(session, twins.kept, {size.id: "42"}, actor=MARINA)
    fields.fill(session, twins.gone, {size.id: "43", pet.id: "Марсик"}, actor=MARINA)
    twins.merge("city", f"field-{size.id}", "nonsense")
    kept = twins.kept
    assert (kept.name, kept.city, kept.address) == ("Анна Ветрова", "Москва", "Лесная, 4")
    assert (kept.phone, kept.email, kept.note) == ("+79001234567", "anya@mail.example", "Первая\n\nВторая")
    assert kept.tags == ["керамика", "опт"]
    assert [one.value for one in contacts.of(session, kept)] == ["+79001234567", "+79017654321", "anya@mail.example"]
    assert [one.value for one in fields.of(session, kept)] == ["43", "Марсик"]


def test_the_last_word_of_consent_holds_on_whichever_card_it_was_said(twins: Twins, session: Session) -> None:
    for card, given in ((twins.kept, True), (twins.gone, False)):
        consents.record(session, card, ConsentTo.MARKETING, given=given, via=ConsentVia.IMPORT, actor=MARINA)
    merge = twins.merge()
    assert not consents.may_write_first(session, twins.kept)
    twins.undo(merge)
    assert consents.may_write_first(session, twins.kept)


def test_undoing_puts_everything_back_as_it_was(twins: Twins, session: Session) -> None:
    size = fields.add(session, twins.shop.id, name="Размер", kind=FieldKind.NUMBER)
    cup = twins.counter.sells("Чашка", "CUP", 90000)
    cards.remember(session, twins.kept, phone="89001234567", city="Казань", note="Первая", tags=["опт"])
    cards.remember(session, twins.gone, phone="89017654321", email="a@mail.example", city="Москва", tags=["керамика"])
    fields.fill(session, twins.gone, {size.id: "43"}, actor=MARINA)
    twins.order(twins.kept)
    twins.order(twins.gone)
    carts.set_quantity(session, twins.shop.id, twins.kept.id, twins.counter.mug.id, 1)
    carts.set_quantity(session, twins.shop.id, twins.gone.id, twins.counter.mug.id, 3)
    carts.set_quantity(session, twins.shop.id, twins.gone.id, cup.id, 2)
    marina = twins.counter.world.operator
    wanted = Wanted("Позвонить", marina.id)
    task = tasks.add(session, twins.shop, wanted, by=marina, about=About(customer_id=twins.gone.id))
    before = twins.state()
    merge = twins.merge("city", "phone", "email")
    session.refresh(task)
    assert task.customer_id == twins.kept.id
    assert twins.state() != before
    inside = {line.variant_id: line.quantity for line in carts.inside(session, twins.shop.id, twins.kept.id)}
    assert inside == {twins.counter.mug.id: 3, cup.id: 2}
    assert carts.inside(session, twins.shop.id, twins.gone.id) == []
    twins.undo(merge)
    assert twins.state() == before


def test_what_came_after_the_merge_stays_with_the_kept_one(twins: Twins, session: Session) -> None:
    cards.remember(session, twins.gone, phone="89017654321", city="Москва")
    merge = twins.merge()
    after = twins.order(twins.kept)
    contacts.add(session, twins.kept, "new@mail.example", actor=MARINA)
    cards.remember(session, twins.kept, city="Казань")
    twins.undo(merge)
    assert after.customer_id == twins.kept.id
    assert (twins.kept.email, twins.kept.city, twins.kept.phone) == ("new@mail.example", "Казань", None)
    assert (twins.gone.phone, twins.gone.city) == ("+79017654321", "Москва")


def test_what_two_merged_cards_have_brought_stays_until_the_last_of_them_goes(twins: Twins, session: Session) -> None:
    third = cards.add(session, twins.shop, name="Анюта")
    for row in (twins.gone, third):
        cards.remember(session, row, email="a@mail.example", tags=["сайт"])
    first = twins.merge()
    merging.merge(session, twins.shop.id, twins.kept.id, third.id, actor=MARINA, holders=HOLDERS)
    twins.undo(first)
    assert [one.value for one in contacts.of(session, twins.kept)] == ["a@mail.example"]
    assert (twins.kept.email, twins.kept.tags) == ("a@mail.example", ["сайт"])


def test_a_cart_that_was_bought_meanwhile_is_not_filled_again(twins: Twins, session: Session) -> None:
    carts.set_quantity(session, twins.shop.id, twins.gone.id, twins.counter.mug.id, 3)
    merge = twins.merge()
    carts.clear(session, twins.shop.id, twins.kept.id)
    twins.undo(merge)
    assert carts.inside(session, twins.shop.id, twins.gone.id) == []


def test_a_merged_buyer_goes_on_in_the_cart_he_finds(twins: Twins) -> None:
    twins.here.starts()
    carts.set_quantity(twins.session, twins.shop.id, twins.kept.id, twins.counter.mug.id, 2)
    twins.merge()
    carts.put(twins.session, twins.shop.id, twins.there.conversation.customer_id or 0, twins.counter.mug.id)
    assert [line.quantity for line in carts.inside(twins.session, twins.shop.id, twins.kept.id)] == [3]


def test_a_second_merge_of_the_same_card_is_refused(twins: Twins) -> None:
    twins.merge()
    with pytest.raises(merging.AlreadyMerged):
        twins.merge()
    with pytest.raises(merging.SameCard):
        merging.merge(twins.session, twins.shop.id, 1, 1, actor=MARINA, holders=HOLDERS)


def test_a_card_of_another_shop_is_not_found(twins: Twins, session: Session) -> None:
    theirs = cards.add(session, shops.create(session, name="Чужая"), name="Анна")
    for one, other in ((twins.kept.id, theirs.id), (theirs.id, twins.kept.id)):
        with pytest.raises(cards.NoSuchCustomer):
            merging.merge(session, twins.shop.id, one, other, actor=MARINA, holders=HOLDERS)


def test_an_undo_is_refused_twice_too_late_and_below_another_merge(twins: Twins, session: Session) -> None:
    merge = twins.merge()
    third = cards.add(session, twins.shop, name="Анна В.")
    above = merging.merge(session, twins.shop.id, third.id, twins.kept.id, actor=MARINA, holders=HOLDERS)
    assert cards.get(session, twins.gone.id, twins.shop.id) is third
    with pytest.raises(merging.MergedFurther):
        twins.undo(merge)
    twins.undo(above)
    merge.at -= merging.UNDO_WITHIN + timedelta(minutes=1)
    with pytest.raises(merging.UndoTooLate):
        twins.undo(merge)
    merge.at += timedelta(hours=1)
    twins.undo(merge)
    with pytest.raises(merging.UndoneAlready):
        twins.undo(merge)
    assert twins.gone.merged_into_id is None


def test_the_log_has_the_merge_its_undoing_and_every_conversation(twins: Twins, session: Session) -> None:
    start = session.scalar(sa.select(sa.func.max(EventRow.id))) or 0
    merge = twins.merge()
    twins.undo(merge)
    rows = session.scalars(sa.select(EventRow).where(EventRow.id > start).order_by(EventRow.id)).all()
    assert [(row.kind, row.actor) for row in rows] == [
        ("conversation_changed", MARINA),
        ("customers_merged", MARINA),
        ("conversation_changed", MARINA),
        ("merge_undone", MARINA),
    ]
    facts = {"customer_id": twins.kept.id, "gone_id": twins.gone.id, "merge_id": merge.id}
    assert rows[1].payload == rows[3].payload == facts


def test_a_conversation_begun_while_the_card_went_finds_the_kept_one(twins: Twins, session: Session) -> None:
    late = conversations.open_for(session, twins.counter.account, "chat-late", customer_id=twins.gone.id, locale="ru")
    twins.merge()
    late.customer_id = twins.gone.id
    conversations.belongs_to(session, late, twins.kept)
    assert late.customer_id == twins.kept.id
    boris = cards.add(session, twins.shop, name="Борис")
    conversations.belongs_to(session, late, boris)
    assert late.customer_id == twins.kept.id


def test_of_two_merges_at_once_the_second_is_refused(engine: sa.Engine) -> None:
    with Session(engine) as session, session.begin():
        world = World(session)
        account, shop_id = world.account(), world.shop.id
        ids = []
        for name in ("Анна", "Аня", "Анюта"):
            who = identities.recognise(session, account, external_id=name, name=name)
            conversations.open_for(session, account, name, customer_id=who.customer_id, locale="ru")
            ids.append(who.customer_id)
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def join(kept: int, gone: int) -> None:
        together.wait()
        try:
            with Session(engine) as session, session.begin():
                merging.merge(session, shop_id, kept, gone, actor=MARINA, holders=HOLDERS)
            outcomes.append("merged")
        except merging.AlreadyMerged:
            outcomes.append("refused")

    threads = [threading.Thread(target=join, args=pair) for pair in ((ids[0], ids[1]), (ids[2], ids[1]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["merged", "refused"]
    with Session(engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Merge)) == 1
        kept_id = session.get_one(Customer, ids[1]).merged_into_id
        led = session.scalars(sa.select(Conversation.customer_id).where(Conversation.chat == "Аня")).one()
        known = session.scalars(sa.select(Identity.customer_id).where(Identity.external_id == "Аня")).one()
        assert led == known == kept_id
        assert session.get_one(Shop, shop_id).id == shop_id
