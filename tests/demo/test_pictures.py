"""Photos of the goods are real JPEGs, small, always the same, and show the colour that is sold."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from prilavok.demo import goods, pictures
from prilavok.demo.drawings import DRAWINGS
from prilavok.demo.goods import Product

ONE_OF_EACH = tuple({product.drawing: product for product in goods.products()}.values())


def product(code: str) -> Product:
    return next(product for product in goods.products() if product.code == code)


def test_each_drawing_is_of_something_on_sale() -> None:
    assert {product.drawing for product in goods.products()} == set(DRAWINGS)


@pytest.mark.parametrize("shown", ONE_OF_EACH, ids=lambda product: product.drawing)
def test_the_window_photo_is_a_small_square_jpeg(shown: Product) -> None:
    photo = next(pictures.of_product(shown)).content
    assert len(photo) < 120_000
    with Image.open(BytesIO(photo)) as image:
        image.load()
        assert (image.format, image.mode) == ("JPEG", "RGB")
        assert image.width == image.height >= 800


def test_the_same_product_looks_the_same_every_time() -> None:
    assert list(pictures.of_product(product("MUG-KRAPINA"))) == list(pictures.of_product(product("MUG-KRAPINA")))


def test_every_colour_has_a_photo_and_no_two_are_alike() -> None:
    napkins = product("NAPKIN-PROSTO")
    photos = list(pictures.of_product(napkins))
    assert [photo.skus for photo in photos] == [(variant.sku,) for variant in napkins.variants]
    assert len({photo.content for photo in photos}) == len(napkins.variants)


def test_sizes_of_one_colour_share_their_photo() -> None:
    bed = product("BED-SON")
    fog, natural = (photo.skus for photo in pictures.of_product(bed))
    assert len(fog) == 3
    assert len(natural) == 4


def test_a_product_of_one_colour_is_shown_from_two_distances() -> None:
    window, detail = pictures.of_product(product("BOWL-PESOK"))
    assert window.skus == detail.skus == ()
    assert window.content != detail.content


def test_products_of_one_kind_do_not_look_alike() -> None:
    mugs = [shown for shown in goods.products() if shown.drawing == "mug"]
    assert len({next(pictures.of_product(mug)).content for mug in mugs}) == len(mugs)


@pytest.mark.parametrize("name", pictures.PHOTOS)
def test_what_buyers_send_is_a_photo_too(name: str) -> None:
    with Image.open(BytesIO(pictures.PHOTOS[name]())) as image:
        assert image.format == "JPEG"
