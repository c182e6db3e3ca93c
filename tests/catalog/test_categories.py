"""Where categories stand, whoever moves them."""

from __future__ import annotations

import threading

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, goods
from catalog.editing import CategoryInItself
from tests.worlds import World


def test_two_categories_moved_under_each_other_at_once_make_no_ring(engine: sa.Engine) -> None:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        shop = World(session).shop
        first, second = (editing.add_category(session, shop, name=name).id for name in ("Посуда", "Кружки"))
    together, refused = threading.Barrier(2), []

    def move(what: int, under: int) -> None:
        together.wait()
        with Session(engine) as session, session.begin():
            row, parent = goods.category(session, shop.id, what), goods.category(session, shop.id, under)
            try:
                editing.move_category(session, row, parent)
            except CategoryInItself:
                refused.append(what)

    threads = [threading.Thread(target=move, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(engine) as session:
        tree = [(row.id, depth) for row, depth in goods.category_tree(session, shop.id)]
    assert len(refused) == 1
    assert sorted(depth for id_, depth in tree if id_ in (first, second)) == [0, 1]


def test_a_new_category_stands_last(session: Session, world: World) -> None:
    top = editing.add_category(session, world.shop, name="Посуда")
    for name in ("Кружки", "Пиалы", "Чайники"):
        editing.add_category(session, world.shop, name=name, parent=top)
    assert [row.name for row in goods.categories(session, world.shop.id, top.id)] == ["Кружки", "Пиалы", "Чайники"]
