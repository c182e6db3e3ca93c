"""Stock: never oversold, every piece accounted for."""

from __future__ import annotations

import random
import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, promises, stock
from catalog.promises import OutOfStock
from catalog.tables import Reservation, Stock, StockMove, Variant, Warehouse
from company import shops
from tests.worlds import World


class Shelves:
    """Two warehouses of the shop; reservations take from «Магазин» first."""

    def __init__(self, world: World) -> None:
        self.session = world.session
        self.shop = world.shop
        self.store = stock.add_warehouse(self.session, world.shop, name="Магазин", en="Store", position=1)
        self.depot = stock.add_warehouse(self.session, world.shop, name="Склад", position=2)

    def variant(self, sku: str, store: int = 0, depot: int = 0) -> Variant:
        product = editing.add_product(self.session, self.shop, name=f"Кружка {sku}")
        variant = editing.add_variant(self.session, product, sku=sku, price=145000)
        for warehouse, quantity in ((self.store, store), (self.depot, depot)):
            if quantity:
                stock.receive(self.session, variant, warehouse, quantity, reason="initial", actor="system")
        return variant

    def of(self, variant: Variant) -> list[tuple[str, int, int]]:
        rows = stock.by_warehouse(self.session, variant.id)
        return [(row.warehouse.name, row.on_hand, row.reserved) for row in rows]


@pytest.fixture
def shelves(world: World) -> Shelves:
    return Shelves(world)


def check_accounts(session: Session) -> None:
    """Nothing below zero, all of it journaled, every promise counted once."""
    rows = session.execute(sa.select(Stock.variant_id, Stock.warehouse_id, Stock.on_hand, Stock.reserved)).all()
    for variant_id, warehouse_id, on_hand, reserved in rows:
        here = (StockMove.variant_id == variant_id, StockMove.warehouse_id == warehouse_id)
        assert 0 <= reserved <= on_hand
        assert session.scalar(sa.select(sa.func.sum(StockMove.quantity)).where(*here)) == on_hand
        promised = session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(Reservation.quantity), 0)).where(
                Reservation.variant_id == variant_id, Reservation.warehouse_id == warehouse_id
            )
        )
        assert promised == reserved


def test_a_reservation_takes_from_the_first_warehouse_that_has_enough(shelves: Shelves, session: Session) -> None:
    mug = shelves.variant("MUG", store=2, depot=5)
    promises.reserve(session, "order:1", {mug.id: 2})
    promises.reserve(session, "order:2", {mug.id: 3})
    assert shelves.of(mug) == [("Магазин", 2, 2), ("Склад", 5, 3)]
    assert stock.available(session, [mug.id]) == {mug.id: 2}


def test_what_no_warehouse_has_alone_is_taken_from_several(shelves: Shelves, session: Session) -> None:
    mug = shelves.variant("MUG", store=2, depot=5)
    promises.reserve(session, "order:1", {mug.id: 6})
    assert shelves.of(mug) == [("Магазин", 2, 2), ("Склад", 5, 4)]
    assert promises.reserved_for(session, "order:1") == {mug.id: 6}
    promises.release_some(session, "order:1", mug.id, 5)
    assert shelves.of(mug) == [("Магазин", 2, 1), ("Склад", 5, 0)]
    check_accounts(session)


def test_when_one_thing_is_out_nothing_is_reserved(shelves: Shelves, session: Session) -> None:
    mug, bowl = shelves.variant("MUG", store=5), shelves.variant("BOWL", depot=1)
    with pytest.raises(OutOfStock) as refused:
        promises.reserve(session, "order:1", {mug.id: 1, bowl.id: 2})
    assert (refused.value.sku, refused.value.wanted, refused.value.left) == ("BOWL", 2, 1)
    assert promises.reserved_for(session, "order:1") == {}
    assert stock.available(session, [mug.id, bowl.id]) == {mug.id: 5, bowl.id: 1}


def test_what_was_never_in_stock_is_out_of_it(shelves: Shelves, session: Session) -> None:
    mug = shelves.variant("MUG")
    assert stock.available(session, [mug.id]) == {mug.id: 0}
    with pytest.raises(OutOfStock):
        promises.reserve(session, "order:1", {mug.id: 1})


def test_more_for_the_same_owner_is_added_to_what_he_has(shelves: Shelves, session: Session) -> None:
    mug = shelves.variant("MUG", store=5)
    promises.reserve(session, "order:1", {mug.id: 2})
    promises.reserve(session, "order:1", {mug.id: 1})
    assert promises.reserved_for(session, "order:1") == {mug.id: 3}
    assert session.scalar(sa.select(sa.func.count()).select_from(Reservation)) == 1


def test_a_release_frees_all_and_a_second_one_nothing(shelves: Shelves, session: Session) -> None:
    mug, bowl = shelves.variant("MUG", store=5), shelves.variant("BOWL", depot=4)
    promises.reserve(session, "order:1", {mug.id: 2, bowl.id: 4})
    promises.reserve(session, "order:2", {mug.id: 1})
    promises.release(session, "order:1")
    promises.release(session, "order:1")
    assert stock.available(session, [mug.id, bowl.id]) == {mug.id: 4, bowl.id: 4}
    check_accounts(session)


def test_what_is_handed_over_leaves_the_shelf_with_a_line_in_the_journal(shelves: Shelves, session: Session) -> None:
    mug = shelves.variant("MUG", store=5)
    promises.reserve(session, "order:1", {mug.id: 2})
    promises.write_off(session, "order:1", actor="staff:1")
    promises.write_off(session, "order:1", actor="staff:1")
    assert shelves.of(mug) == [("Магазин", 3, 0)]
    sold = session.scalars(sa.select(StockMove).where(StockMove.reason == "sold")).one()
    assert (sold.quantity, sold.subject, sold.actor) == (-2, "order:1", "staff:1")
    check_accounts(session)


def test_what_comes_back_goes_where_it_was_taken_from_and_only_once(shelves: Shelves, session: Session) -> None:
    mug = shelves.variant("MUG", store=2, depot=5)
    for _ in range(2):
        promises.reserve(session, "order:1", {mug.id: 6})
        promises.write_off(session, "order:1", actor="staff:1")
        promises.take_back(session, "order:1", actor="staff:1")
        promises.take_back(session, "order:1", actor="staff:1")
        assert shelves.of(mug) == [("Магазин", 2, 0), ("Склад", 5, 0)]
    check_accounts(session)


def test_a_count_sets_the_shelf_and_journals_the_difference(shelves: Shelves, session: Session) -> None:
    mug = shelves.variant("MUG", store=5)
    stock.correct(session, mug, shelves.store, 3, actor="staff:1")
    stock.correct(session, mug, shelves.depot, 7, actor="staff:1")
    stock.correct(session, mug, shelves.depot, 7, actor="staff:1")
    assert shelves.of(mug) == [("Магазин", 3, 0), ("Склад", 7, 0)]
    moves = session.scalars(sa.select(StockMove.quantity).where(StockMove.reason == "corrected").order_by(StockMove.id))
    assert moves.all() == [-2, 7]


def test_a_count_below_what_is_promised_is_refused(shelves: Shelves, session: Session) -> None:
    mug = shelves.variant("MUG", store=5)
    promises.reserve(session, "order:1", {mug.id: 4})
    with pytest.raises(stock.StillReserved) as refused:
        stock.correct(session, mug, shelves.store, 3, actor="staff:1")
    assert refused.value.reserved == 4
    assert shelves.of(mug) == [("Магазин", 5, 4)]


@pytest.mark.parametrize("quantity", [0, -1, stock.MOST + 1])
def test_an_absurd_number_is_not_received(shelves: Shelves, quantity: int) -> None:
    with pytest.raises(stock.BadCount):
        stock.receive(shelves.session, shelves.variant("MUG", store=1), shelves.store, quantity, actor="staff:1")


def test_goods_do_not_go_to_another_shops_warehouse(shelves: Shelves, session: Session) -> None:
    other = stock.add_warehouse(session, shops.create(session, name="Чужая лавка"), name="Чужой склад")
    with pytest.raises(stock.NoSuchWarehouse):
        stock.receive(session, shelves.variant("MUG"), other, 1, actor="staff:1")


def test_the_warehouses_are_listed_in_the_order_of_taking(shelves: Shelves, session: Session) -> None:
    assert stock.warehouses(session, shelves.shop.id) == [shelves.store, shelves.depot]


@pytest.mark.parametrize("seed", range(4))
def test_after_any_history_the_accounts_are_right(shelves: Shelves, session: Session, seed: int) -> None:
    chance = random.Random(seed)
    variants = [shelves.variant(f"V{n}", store=chance.randint(0, 6), depot=chance.randint(0, 6)) for n in range(3)]
    owners = [f"order:{n}" for n in range(4)]

    def some() -> dict[int, int]:
        return {v.id: chance.randint(1, 5) for v in chance.sample(variants, chance.randint(1, 3))}

    acts = [
        lambda: promises.reserve(session, chance.choice(owners), some()),
        lambda: promises.reserve(session, chance.choice(owners), some()),
        lambda: promises.release(session, chance.choice(owners)),
        lambda: promises.release_some(session, chance.choice(owners), chance.choice(variants).id, chance.randint(1, 4)),
        lambda: promises.write_off(session, chance.choice(owners), actor="staff:1"),
        lambda: promises.take_back(session, chance.choice(owners), actor="staff:1"),
        lambda: stock.receive(session, chance.choice(variants), shelves.depot, chance.randint(1, 3), actor="staff:1"),
        lambda: stock.correct(session, chance.choice(variants), shelves.store, chance.randint(0, 6), actor="staff:1"),
    ]
    done = 0
    for _ in range(60):
        try:
            chance.choice(acts)()
            done += 1
        except (OutOfStock, stock.StillReserved):
            pass
        check_accounts(session)
    assert done > 30


def test_of_many_who_want_the_last_ones_exactly_as_many_get_them_as_there_are(engine: sa.Engine) -> None:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        shelves = Shelves(World(session))
        mug, bowl = shelves.variant("MUG", store=3, depot=2), shelves.variant("BOWL", store=50)
    together = threading.Barrier(8)
    sold: list[str] = []
    refused: list[str] = []

    def buy(buyer: int) -> None:
        together.wait()
        for n in range(4):
            owner = f"order:{buyer}-{n}"
            wanted = {mug.id: 1, bowl.id: 1} if buyer % 2 else {bowl.id: 1, mug.id: 1}
            try:
                with Session(engine) as session, session.begin():
                    promises.reserve(session, owner, wanted)
                sold.append(owner)
            except OutOfStock:
                refused.append(owner)

    threads = [threading.Thread(target=buy, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(engine) as session:
        assert (len(sold), len(refused)) == (5, 27)
        assert stock.available(session, [mug.id, bowl.id]) == {mug.id: 0, bowl.id: 45}
        check_accounts(session)


def test_the_first_goods_of_a_variant_received_twice_at_once_are_both_counted(engine: sa.Engine) -> None:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        shelves = Shelves(World(session))
        mug = shelves.variant("MUG")
        store_id = shelves.store.id
    together = threading.Barrier(3)

    def unpack() -> None:
        together.wait()
        with Session(engine) as session, session.begin():
            store = session.get_one(Warehouse, store_id)
            stock.receive(session, session.get_one(Variant, mug.id), store, 4, actor="staff:1")

    threads = [threading.Thread(target=unpack) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(engine) as session:
        assert stock.available(session, [mug.id]) == {mug.id: 12}
        check_accounts(session)
