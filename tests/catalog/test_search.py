"""Search: what buyers and operators type finds what they mean."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, goods, search, words
from catalog.tables import Product
from company import shops
from tests.worlds import World

GOODS = {
    "Кружки": [
        ("Кружка «Туман»", "Mug “Mist”", "MUG-TUMAN", "Серо-голубая кружка с матовой глазурью, для капучино."),
        ("Кружка «Осень»", "Mug “Autumn”", "MUG-OSEN", "Тёплая рыжая глазурь с тёмным краем."),
        ("Пиала «Рисовая»", "Tea bowl “Rice”", "BOWL-RIS", "Тонкая пиала для зелёного чая."),
    ],
    "Посуда": [
        ("Тарелка обеденная «Поле»", "Dinner plate “Field”", "PLATE-POLE", "Большая тарелка из каменной массы."),
        ("Чайник «Ветер»", "Teapot “Wind”", "POT-VETER", "Заварочный чайник с бамбуковой ручкой."),
        ("Ваза «Стебель»", "Vase “Stem”", "VASE-STEB", "Высокая ваза для одного цветка."),
        ("Доска разделочная дубовая", "Oak chopping board", "BOARD-OAK", "Доска из массива дуба."),
    ],
    "Лён": [
        ("Скатерть льняная", "Linen tablecloth", "CLOTH-180", "Скатерть из умягчённого льна."),
        ("Полотенце вафельное", "Waffle towel", "TOWEL-W", "Полотенце для кухни и бани."),
        ("Фартук с карманами", "Apron with pockets", "APRON-P", "Плотный лён, широкие лямки."),
        ("Простыня на резинке", "Fitted sheet", "SHEET-F", "Простыня из льна."),
        ("Подушка декоративная", "Cushion", "CUSH-D", "Чехол со скрытой молнией."),
    ],
    "Дом": [
        ("Свеча «Полынь»", "Candle “Wormwood”", "CAND-POL", "Соевый воск, хлопковый фитиль."),
        ("Корзина плетёная", "Wicker basket", "BASK-1", "Корзина из ивовой лозы."),
        ("Подарочная упаковка", "Gift wrapping", "GIFT-1", "Коробка, лента и открытка."),
    ],
}

INFLECTED = {
    "кружки": "MUG-", "кружку туман": "MUG-TUMAN", "кружкой осень": "MUG-OSEN", "пиалы рисовые": "BOWL-RIS",
    "обеденные тарелки": "PLATE-POLE", "тарелку": "PLATE-POLE", "чайника ветер": "POT-VETER", "вазы": "VASE-STEB",
    "разделочную доску": "BOARD-OAK", "дубовых досок": "BOARD-OAK", "скатерти льняные": "CLOTH-180",
    "льняной скатертью": "CLOTH-180", "вафельных полотенец": "TOWEL-W", "полотенца": "TOWEL-W",
    "фартуки карманы": "APRON-P", "простынь": "SHEET-F", "декоративные подушки": "CUSH-D", "свечи": "CAND-POL",
    "свечу полынь": "CAND-POL", "плетеные корзины": "BASK-1", "подарочную упаковку": "GIFT-1", "mugs mist": "MUG-TUMAN",
    "linen tablecloths": "CLOTH-180", "wicker baskets": "BASK-1", "candles": "CAND-POL", "towels": "TOWEL-W",
}  # fmt: skip

MISTYPED = {
    "кружкк туман": "MUG-TUMAN", "кружка тумаан": "MUG-TUMAN", "крушка осень": "MUG-OSEN", "пеала": "BOWL-RIS",
    "терелка обеденная": "PLATE-POLE", "тарелка обеденая": "PLATE-POLE", "чйаник": "POT-VETER", "чайнек": "POT-VETER",
    "разделочьная доска": "BOARD-OAK", "скотерть": "CLOTH-180", "скатерть льянная": "CLOTH-180",
    "полотенцо": "TOWEL-W", "вафельнае полотенце": "TOWEL-W", "фортук": "APRON-P", "простыгя": "SHEET-F",
    "падушка": "CUSH-D", "свячи": "CAND-POL", "корзинна": "BASK-1", "плитеная корзина": "BASK-1",
    "подароная упоковка": "GIFT-1", "tabelcloth": "CLOTH-180", "cushoin": "CUSH-D", "baskte": "BASK-1",
}  # fmt: skip


@pytest.fixture
def shelf(world: World) -> World:
    """Fifteen products in four categories, in Russian and English."""
    barcode = 2000000000000
    for category_name, products in GOODS.items():
        category = editing.add_category(world.session, world.shop, name=category_name)
        for name, english, sku, about in products:
            barcode += 17
            translations = {"en": {"name": english}}
            product = editing.add_product(
                world.session, world.shop, name=name, category=category, description=about, translations=translations
            )
            editing.add_variant(
                world.session,
                product,
                sku=f"{sku}-300",
                price=145000,
                attributes=[("Цвет", "чёрный")],
                barcode=str(barcode),
            )
    return world


def skus(world: World, text: str, limit: int = 20) -> list[str]:
    return [product.variants[0].sku for product in search.find(world.session, world.shop.id, text, limit=limit)]


def recall(world: World, questions: dict[str, str]) -> tuple[float, list[str]]:
    """The part of the questions whose first answer is the wanted one, and the others."""
    missed = [text for text, sku in questions.items() if not (skus(world, text) or [""])[0].startswith(sku)]
    return 1 - len(missed) / len(questions), missed


def test_any_form_of_the_words_finds_the_thing_first(shelf: World) -> None:
    part, missed = recall(shelf, INFLECTED)
    assert part == 1.0, missed


def test_slips_of_the_finger_are_forgiven(shelf: World) -> None:
    part, missed = recall(shelf, MISTYPED)
    assert part >= 0.95, missed


@pytest.mark.parametrize("whole", ["кружка туман", "полотенце", "чайник ветер", "подарочная упаковка", "candle"])
def test_first_letters_find_the_thing_at_every_keystroke_from_the_third(shelf: World, whole: str) -> None:
    wanted = skus(shelf, whole)[0]
    for typed in range(3, len(whole) + 1):
        assert wanted in skus(shelf, whole[:typed]), whole[:typed]


@pytest.mark.parametrize(
    "typed",
    ["MUG-TUMAN-300", "mug-tuman-300", "MUGTUMAN300", "mug tuman", "mug-tum", "2000000000017"],
)
def test_a_sku_or_barcode_finds_its_product_first(shelf: World, typed: str) -> None:
    assert skus(shelf, typed)[0] == "MUG-TUMAN-300"


def test_a_wrong_number_is_not_repaired_into_another_product(shelf: World) -> None:
    assert skus(shelf, "2000000000018") == []
    assert skus(shelf, "MUG-TUMAN-400") == []


@pytest.mark.parametrize(
    ("typed", "sku"), [("rhe;rf nevfy", "MUG-TUMAN"), ("cdtxf", "CAND-POL"), ("сгырщшт", "CUSH-D")]
)
def test_a_question_in_the_other_keyboard_layout_is_understood(shelf: World, typed: str, sku: str) -> None:
    assert skus(shelf, typed)[0].startswith(sku)


def test_yo_and_ye_are_one_letter(shelf: World) -> None:
    assert skus(shelf, "плетёная") == skus(shelf, "плетеная") == ["BASK-1-300"]


def test_every_word_must_fit(shelf: World) -> None:
    assert skus(shelf, "кружка полотенце") == []
    assert set(skus(shelf, "чёрная кружка")[:2]) == {"MUG-TUMAN-300", "MUG-OSEN-300"}
    assert skus(shelf, "чёрная кружка туман") == ["MUG-TUMAN-300"]


def test_a_name_outweighs_a_description(shelf: World) -> None:
    assert skus(shelf, "тарелка")[0] == "PLATE-POLE-300"
    assert skus(shelf, "капучино") == ["MUG-TUMAN-300"]


def test_a_category_finds_its_goods(shelf: World) -> None:
    assert {"POT-VETER-300", "VASE-STEB-300"} <= set(skus(shelf, "посуда"))


@pytest.mark.parametrize(
    "text",
    ["", "   ", "«»", "!!!", '" OR 1', "NEAR(", "title:", "'; DROP TABLE product", "\x00", "%", "🙂",
     "x" * 5000, "слово " * 500, "'':*", "\\"],
)  # fmt: skip
def test_any_text_is_only_words(shelf: World, text: str) -> None:
    assert search.find(shelf.session, shelf.shop.id, text) == []
    assert skus(shelf, "скатерть")


def test_an_archived_product_is_found_no_more_until_it_is_back(shelf: World, session: Session) -> None:
    (product,) = search.find(session, shelf.shop.id, "скатерть")
    editing.archive_product(session, product)
    assert skus(shelf, "скатерть") == []
    editing.restore_product(session, product)
    assert skus(shelf, "скатерть") == ["CLOTH-180-300"]


def test_a_renamed_product_is_found_by_its_new_name_only(shelf: World, session: Session) -> None:
    (product,) = search.find(session, shelf.shop.id, "корзина")
    editing.edit_product(session, product, name="Короб «Лукошко»", description="Из лозы.", translations={})
    assert skus(shelf, "лукошко") == ["BASK-1-300"]
    assert skus(shelf, "корзина") == []


def test_a_renamed_category_renames_the_way_to_its_goods(shelf: World, session: Session) -> None:
    (product,) = search.find(session, shelf.shop.id, "чайник")
    assert product.category_id is not None
    editing.edit_category(session, goods.category(session, shelf.shop.id, product.category_id), name="Сервировка")
    assert len(skus(shelf, "сервировка")) == 4
    assert skus(shelf, "посуда") == []


def test_a_variant_off_sale_is_found_by_its_sku_no_more(shelf: World, session: Session) -> None:
    (product,) = search.find(session, shelf.shop.id, "чайник")
    editing.add_variant(session, product, sku="POT-BIG", price=200000)
    editing.edit_variant(session, product.variants[0], active=False)
    assert [p.id for p in search.find(session, shelf.shop.id, "POT-BIG")] == [product.id]
    assert search.find(session, shelf.shop.id, "POT-VETER-300") == []


def test_each_shop_searches_its_own_goods(shelf: World, session: Session) -> None:
    other = shops.create(session, name="Чужая лавка")
    assert search.find(session, other.id, "кружка") == []
    theirs = editing.add_product(session, other, name="Кружка эмалированная")
    editing.add_variant(session, theirs, sku="THEIRS", price=100)
    assert search.find(session, other.id, "кружки") == [theirs]
    assert "THEIRS" not in skus(shelf, "кружки")


def test_the_answer_is_as_long_as_asked(shelf: World) -> None:
    assert len(skus(shelf, "чёрный", limit=4)) == 4


def test_the_index_can_be_made_anew(shelf: World, session: Session) -> None:
    before = skus(shelf, "скатерть льняная")
    product = session.scalars(sa.select(Product).where(Product.name == "Скатерть льняная")).one()
    session.execute(sa.text("DELETE FROM search_product"))
    session.execute(sa.text("INSERT INTO search_word VALUES (:shop, 'скатерк')"), {"shop": shelf.shop.id})
    assert skus(shelf, "скатерть льняная") == []
    search.index_all(session, shelf.shop.id)
    assert skus(shelf, "скатерть льняная") == before
    assert product.variants[0].sku == before[0]
    assert not session.scalar(sa.text("SELECT count(*) FROM search_word WHERE word = 'скатерк'"))


def test_a_search_takes_few_statements(shelf: World, engine: sa.Engine) -> None:
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    shelf.session.expunge_all()
    assert skus(shelf, "кружка туман")
    assert len(statements) <= 6


def test_searching_between_changes_of_one_transaction_is_right(shelf: World, session: Session) -> None:
    (product,) = search.find(session, shelf.shop.id, "скатерть")
    for n in range(40):
        editing.edit_product(session, product, name=f"Скатерть {'льняная' if n % 2 else 'праздничная'} {n}")
        assert skus(shelf, f"скат праздн {n}") == ([] if n % 2 else ["CLOTH-180-300"])
        assert skus(shelf, "скат")[0] == "CLOTH-180-300"


def test_short_words_and_numbers_are_never_slips() -> None:
    assert [words.slips(word) for word in ("лен", "2000", "ваза", "кружка")] == [0, 0, 1, 2]
