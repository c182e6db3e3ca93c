"""Photos of the demo's goods: each variant shows its own colour."""

from __future__ import annotations

from sqlalchemy.orm import Session

from catalog import editing, goods
from prilavok.demo import fill
from storage.files import Blob
from tests.worlds import World

GREY, PINK, WHOLE = (Blob(letter * 64, 1000, "image/jpeg", 800, 800) for letter in "abc")


def test_every_size_of_a_colour_shows_that_colour(session: Session, world: World) -> None:
    cloth = editing.add_product(session, world.shop, name="Скатерть")
    for sku in ("GREY-S", "GREY-L", "PINK-S"):
        editing.add_variant(session, cloth, sku=sku, price=100000, attributes=[("Артикул", sku)])
    cloth = goods.product(session, world.shop.id, cloth.id)
    photos = [fill.Photo("grey.jpg", GREY, ("GREY-S", "GREY-L")), fill.Photo("pink.jpg", PINK, ("PINK-S",))]
    fill.hang_photos(session, cloth, photos)
    grey, also_grey, pink = (goods.cover(cloth, variant) for variant in cloth.variants)
    assert grey is not None
    assert also_grey is not None
    assert pink is not None
    assert grey.file_id == also_grey.file_id != pink.file_id


def test_a_photo_of_all_variants_is_the_products_own(session: Session, world: World) -> None:
    cup = editing.add_product(session, world.shop, name="Кружка")
    editing.add_variant(session, cup, sku="CUP", price=100000)
    cup = goods.product(session, world.shop.id, cup.id)
    fill.hang_photos(session, cup, [fill.Photo("cup.jpg", WHOLE, ())])
    assert [photo.variant_id for photo in cup.photos] == [None]
