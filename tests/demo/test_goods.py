"""The assortment of the demo shop can be sold: codes are unique, barcodes scan, nothing is sold at a loss."""

from __future__ import annotations

from collections import Counter

import pytest

from prilavok.demo import goods
from prilavok.demo.goods import SHOP, STORE


def test_the_shop_window_is_full() -> None:
    assert 8 <= len(goods.categories()) <= 10
    assert len(goods.products()) >= 64
    assert all(category.products for category in goods.categories())


def test_every_sku_product_code_and_barcode_is_met_once() -> None:
    variants = [variant for product in goods.products() for variant in product.variants]
    for codes in ([v.sku for v in variants], [v.barcode for v in variants], [p.code for p in goods.products()]):
        assert [code for code, times in Counter(codes).items() if times > 1] == []


def test_a_barcode_is_an_ean_13_of_the_shop_s_own_range() -> None:
    assert goods.ean13(101, 2) == "2000010100026"
    for variant in goods.variants().values():
        digits = [int(digit) for digit in variant.barcode]
        assert len(digits) == 13
        assert 200 <= int(variant.barcode[:3]) <= 299
        assert (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0


def test_everything_is_sold_for_more_than_it_cost() -> None:
    for variant in goods.variants().values():
        assert variant.price > variant.purchase_price, variant.sku
        assert 290_00 <= variant.price.amount <= 18_900_00, variant.sku


def test_shelves_hold_many_few_one_and_none() -> None:
    totals = [sum(variant.stock.values()) for variant in goods.variants().values() if variant.stock]
    assert 0 in totals
    assert 1 in totals
    assert any(1 < total <= 5 for total in totals)
    assert max(totals) >= 40
    assert all(set(v.stock) in ({SHOP, STORE}, set()) for v in goods.variants().values())


def test_only_services_have_no_shelf() -> None:
    for product in goods.products():
        assert all(bool(variant.stock) is not product.is_service for variant in product.variants), product.code


def test_variants_of_one_product_differ_in_what_the_buyer_sees() -> None:
    for product in goods.products():
        for language in ("ru", "en"):
            seen = [tuple(variant.labels(language).items()) for variant in product.variants]
            assert len(set(seen)) == len(seen), product.code


def test_names_and_descriptions_are_written_in_both_languages() -> None:
    for product in goods.products():
        for words in (product.name, product.description):
            assert words.ru, product.code
            assert words.en.isascii() or not any("а" <= letter <= "я" for letter in words.en.lower()), product.code
        assert product.description.ru.count(".") >= 2, product.code


def test_a_receipt_can_carry_every_line() -> None:
    assert {product.vat_code for product in goods.products()} == {1, 11}
    assert max(len(product.name.ru) for product in goods.products()) <= 128


@pytest.mark.parametrize(
    ("sku", "language", "labels"),
    [
        ("MUG-TUMAN-300", "ru", {"Объём": "300 мл"}),
        ("APRON-MASTER-OLIVE-M", "ru", {"Цвет": "оливковый", "Размер": "M"}),
        ("APRON-MASTER-OLIVE-M", "en", {"Colour": "olive", "Size": "M"}),
        ("CLOTH-OBED-SAGE-140X240", "en", {"Colour": "sage", "Size": "140×240 cm"}),
        ("JUG-KOLODETS-FOG-1200", "ru", {"Цвет": "туманный", "Объём": "1,2 л"}),
        ("BOARD-KHLEB-OAK-20X38", "ru", {"Порода": "дуб", "Размер": "20×38 см"}),
        ("BED-SON-FOG-EURO", "ru", {"Цвет": "туманный", "Размер": "Евро"}),
        ("GIFT-UPAKOVKA", "ru", {}),
    ],
)
def test_labels_say_how_a_variant_differs(sku: str, language: str, labels: dict[str, str]) -> None:
    assert goods.variants()[sku].labels(language) == labels
    assert list(goods.variants()[sku].labels(language)) == list(labels)
