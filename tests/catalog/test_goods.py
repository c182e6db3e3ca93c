"""The catalogue as buyers read it and owners change it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, goods, names, pictures
from catalog.promises import OutOfStock
from catalog.tables import Photo, Product, Variant
from company import shops
from company.texts import Texts
from kit.clock import utc_now
from storage.tables import EventRow, StoredFile
from tests.worlds import World

MIST_EN = {"en": {"name": "Mug “Mist”", "description": "A matt glaze."}}
BLACK_EN = {"en": {"attributes": [["Colour", "black"]]}}


def picture(session: Session, name: str) -> StoredFile:
    file = StoredFile(sha256="0" * 64, size=1, mime="image/jpeg", name=name, token=name, created_at=utc_now())
    session.add(file)
    session.flush()
    return file


@pytest.fixture
def mist(world: World) -> Product:
    """«Кружка «Туман»» in black and white."""
    product = editing.add_product(
        world.session, world.shop, name="Кружка «Туман»", description="Матовая глазурь.", translations=MIST_EN
    )
    black = [("Цвет", "чёрный")]
    editing.add_variant(
        world.session,
        product,
        sku="TUMAN-B",
        price=145000,
        attributes=black,
        translations=BLACK_EN,
        purchase_price=61000,
    )
    editing.add_variant(world.session, product, sku="TUMAN-W", price=155000, attributes=[("Цвет", "белый")])
    return product


def test_a_thing_is_called_in_the_readers_language_where_it_is_translated(mist: Product) -> None:
    black, white = mist.variants
    assert names.title(black, "ru") == "Кружка «Туман», чёрный"
    assert names.title(black, "en-GB") == "Mug “Mist”, black"
    assert names.title(white, "en") == "Mug “Mist”, белый"
    assert names.described(mist, "en") == "A matt glaze."


def test_the_only_variant_of_a_product_is_called_as_the_product(world: World) -> None:
    board = editing.add_product(world.session, world.shop, name="Доска")
    assert names.title(editing.add_variant(world.session, board, sku="BOARD", price=1), "ru") == "Доска"


def test_out_of_stock_names_the_variant_in_the_readers_language(mist: Product) -> None:
    told = OutOfStock(mist.variants[0], 2, 1)
    assert Texts().problem(told, "ru") == "Кружка «Туман», чёрный: нужно 2, а осталось 1."
    assert Texts().problem(told, "en") == "Mug “Mist”, black: 2 wanted, 1 left."


def test_a_page_of_products_comes_with_variants_and_photos_and_the_number_of_all(
    world: World, session: Session
) -> None:
    mugs = editing.add_category(session, world.shop, name="Кружки")
    for n in range(5):
        product = editing.add_product(session, world.shop, name=f"Кружка {n}", category=mugs, position=-n)
        editing.add_variant(session, product, sku=f"M{n}", price=100)
    session.expunge_all()
    page, total = goods.products(session, world.shop.id, mugs.id, offset=2, limit=2)
    assert total == 5
    assert [(p.name, [v.sku for v in p.variants], p.photos) for p in page] == [
        ("Кружка 2", ["M2"], []),
        ("Кружка 1", ["M1"], []),
    ]
    assert names.title(page[0].variants[0], "ru") == "Кружка 2"


def test_reading_a_page_takes_few_statements(world: World, engine: sa.Engine, session: Session) -> None:
    for n in range(8):
        product = editing.add_product(session, world.shop, name=f"Кружка {n}")
        editing.add_variant(session, product, sku=f"M{n}", price=100)
    session.expunge_all()
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    goods.products(session, world.shop.id)
    assert len(statements) <= 4


def test_what_cannot_be_bought_is_not_on_the_counter(world: World, session: Session, mist: Product) -> None:
    editing.add_product(session, world.shop, name="Ваза без вариантов")
    assert goods.products(session, world.shop.id)[0] == [mist]
    for variant in mist.variants:
        editing.edit_variant(session, variant, active=False)
    assert goods.products(session, world.shop.id) == ([], 0)
    assert goods.products(session, world.shop.id, archived=True)[1] == 2


def test_an_archived_product_is_gone_from_the_counter_and_can_come_back(
    world: World, session: Session, mist: Product
) -> None:
    editing.archive_product(session, mist)
    assert goods.products(session, world.shop.id) == ([], 0)
    assert goods.product(session, world.shop.id, mist.id) is mist
    editing.restore_product(session, mist)
    assert goods.products(session, world.shop.id) == ([mist], 1)


def test_another_shops_goods_are_not_found(world: World, session: Session, mist: Product) -> None:
    other = shops.create(session, name="Чужая лавка")
    category = editing.add_category(session, world.shop, name="Кружки")
    with pytest.raises(goods.NoSuchProduct):
        goods.product(session, other.id, mist.id)
    with pytest.raises(goods.NoSuchVariant):
        goods.variants(session, other.id, [v.id for v in mist.variants])
    with pytest.raises(goods.NoSuchCategory):
        goods.category(session, other.id, category.id)
    assert goods.by_sku(session, other.id, "TUMAN-B") is None


def test_variants_come_all_or_the_missing_one_is_told(world: World, session: Session, mist: Product) -> None:
    black, white = mist.variants
    assert goods.variants(session, world.shop.id, [black.id, white.id]) == {black.id: black, white.id: white}
    assert goods.variants(session, world.shop.id, []) == {}
    with pytest.raises(goods.NoSuchVariant):
        goods.variants(session, world.shop.id, [black.id, 10**6])


def test_categories_are_listed_level_by_level_without_those_out_of_use(world: World, session: Session) -> None:
    tableware = editing.add_category(session, world.shop, name="Посуда", position=2)
    linen = editing.add_category(session, world.shop, name="Лён", position=1)
    mugs = editing.add_category(session, world.shop, name="Кружки", parent=tableware)
    editing.edit_category(session, linen, active=False)
    assert goods.categories(session, world.shop.id) == [tableware]
    assert goods.categories(session, world.shop.id, archived=True) == [linen, tableware]
    assert goods.categories(session, world.shop.id, tableware.id) == [mugs]


def test_the_cover_is_of_the_variant_or_else_of_the_product(session: Session, mist: Product) -> None:
    black, white = mist.variants
    assert goods.cover(mist) is None
    of_white = pictures.add_photo(session, mist, picture(session, "white"), variant=white)
    assert goods.cover(mist, black) is of_white
    of_all = pictures.add_photo(session, mist, picture(session, "all"))
    assert goods.cover(mist) is of_all
    assert goods.cover(mist, black) is of_all
    assert goods.cover(mist, white) is of_white
    assert session.scalars(sa.select(Photo.position).order_by(Photo.id)).all() == [0, 1]


def test_a_sku_is_one_variants_in_a_shop_and_may_be_used_in_another(
    world: World, session: Session, mist: Product
) -> None:
    with pytest.raises(editing.SkuTaken):
        editing.add_variant(session, mist, sku=" TUMAN-B ", price=1)
    with pytest.raises(editing.SkuTaken):
        editing.edit_variant(session, mist.variants[1], sku="TUMAN-B")
    assert len(mist.variants) == 2
    other = shops.create(session, name="Чужая лавка")
    theirs = editing.add_product(session, other, name="Кружка")
    assert editing.add_variant(session, theirs, sku="TUMAN-B", price=1).shop_id == other.id


@pytest.mark.parametrize("price", [-1, 10**12])
def test_a_price_that_cannot_be_is_refused(session: Session, mist: Product, price: int) -> None:
    with pytest.raises(editing.PriceOutOfBounds):
        editing.edit_variant(session, mist.variants[0], price=price)
    assert mist.variants[0].price == 145000


def test_a_thing_without_a_name_is_refused(world: World, mist: Product) -> None:
    with pytest.raises(editing.NameNeeded):
        editing.edit_product(world.session, mist, name="  ")
    with pytest.raises(editing.NameNeeded):
        editing.add_category(world.session, world.shop, name="")


def test_the_log_says_who_changed_a_price_and_what_it_was(session: Session, mist: Product) -> None:
    black = mist.variants[0]
    editing.edit_variant(session, black, price=129000, actor="staff:1")
    editing.edit_variant(session, black, price=129000, actor="staff:2")
    last = session.scalars(sa.select(EventRow).order_by(EventRow.id.desc()).limit(1)).one()
    assert (last.kind, last.subject, last.actor) == ("product_changed", f"product:{mist.id}", "staff:1")
    assert last.payload == {"product_id": mist.id, "variant_id": black.id, "changes": {"price": [145000, 129000]}}


def test_a_variant_is_found_by_its_sku(world: World, session: Session, mist: Product) -> None:
    found = goods.by_sku(session, world.shop.id, "TUMAN-W ")
    assert isinstance(found, Variant)
    assert (found.sku, found.product) == ("TUMAN-W", mist)
