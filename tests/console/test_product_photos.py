"""A product's photos and variants on its page in the console."""

from __future__ import annotations

import re
from io import BytesIO

import aiohttp
import orjson
import pytest
import sqlalchemy as sa
from PIL import Image

from catalog import goods
from catalog.tables import Product
from operator_console import photo_acts
from storage.files import WIDEST, by_token
from storage.tables import EventRow
from tests.console.desk import Answer, Browser, Desk

GPS = 0x8825


def picture(
    colour: str = "red", *, size: tuple[int, int] = (60, 40), form: str = "JPEG", turned: bool = False
) -> bytes:
    image, out = Image.new("RGB", size, colour), BytesIO()
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
        exif.get_ifd(GPS)[1] = "N"
    image.save(out, form, exif=exif)
    return out.getvalue()


def form_of(*pictures: bytes, name: str = "mug.jpg") -> aiohttp.FormData:
    form = aiohttp.FormData()
    for data in pictures:
        form.add_field("photos", data, filename=name, content_type="image/jpeg")
    return form


async def product(desk: Desk) -> Product:
    return await desk.db.read(lambda session: goods.product(session, desk.ours.shop_id, desk.ours.product_id))


async def added(desk: Desk, browser: Browser, *pictures: bytes) -> Answer:
    return await browser.post(f"/products/{desk.ours.product_id}/photos", form_of(*pictures))


async def ids(desk: Desk) -> list[int]:
    return [photo.id for photo in (await product(desk)).photos]


async def changes(desk: Desk) -> list[dict[str, object]]:
    query = sa.select(EventRow).where(EventRow.kind == "product_changed").order_by(EventRow.id)
    rows = await desk.db.read(lambda session: list(session.scalars(query)))
    return [row.payload["changes"] for row in rows if row.payload["product_id"] == desk.ours.product_id]


async def test_the_log_and_other_pages_are_told_of_photos_once_for_each_act(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    known = len(await changes(desk))
    await added(desk, browser, picture("red"), picture("blue"))
    first, second = await ids(desk)
    order = f"/products/{desk.ours.product_id}/photos/order"
    await browser.post(order, {"order": f"{second},{first}"})
    await browser.post(order, {"order": f"{second},{first}"})
    were, are = [[first, None], [second, None]], [[second, None], [first, None]]
    assert (await changes(desk))[known:] == [{"photos": [[], were]}, {"photos": [were, are]}]


async def test_what_a_colleague_changed_meanwhile_is_not_overwritten(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    here = f"/products/{desk.ours.product_id}"
    page = (await owner.get(here)).text
    variant, text = re.findall(r'name="seen" value="(\w+)"', page)
    words = {"name": "Кружка «Туман»", "description": "Матовая", "category": ""}
    kept = await owner.post(here, {**words, "seen": text})
    assert (kept.status, kept.toast) == (204, "Сохранено")
    late = await owner.post(here, {**words, "description": "Глянцевая", "seen": text})
    assert (late.status, "изменил коллега" in late.text) == (409, True)
    assert (await product(desk)).description == "Матовая"
    mark = orjson.loads(kept.headers["HX-Trigger"])["product:kept"]["seen"]
    assert (await owner.post(here, {**words, "description": "Глянцевая", "seen": mark})).status == 204
    mug = {"sku": "TUM-300", "apart": "", "price": "1500", "active": "on"}
    assert (await owner.post(f"/variants/{desk.ours.mug.id}", {**mug, "seen": variant})).status == 204
    assert (await owner.post(f"/variants/{desk.ours.mug.id}", {**mug, "price": "1", "seen": variant})).status == 409


async def test_photos_are_added_and_the_first_is_on_the_card(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    answer = await added(desk, browser, picture("red"), picture("blue"))
    assert answer.status == 200
    assert answer.text.count("data-photo=") == 2
    first = (await product(desk)).photos[0]
    cover = await desk.db.read(lambda session: goods.cover(goods.product(session, desk.ours.shop_id, first.product_id)))
    assert cover is not None
    assert cover.id == first.id
    address = answer.text.partition('<img src="')[2].partition('"')[0].replace("&amp;", "&")
    assert (await desk.stranger().get(address)).status == 200, "buyers see it without signing in"


async def test_what_the_camera_noted_stays_with_the_shop(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    answer = await added(desk, browser, picture(size=(WIDEST + 500, 900), turned=True))
    token = answer.text.partition("/files/")[2].partition("?")[0]
    row = await desk.db.read(by_token, token)
    with Image.open(desk.files.path(row.sha256)) as kept:
        assert not kept.getexif()
        assert kept.height > kept.width, "it stands upright"
        assert max(kept.size) == WIDEST


async def test_one_file_that_is_no_photo_adds_none(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    answer = await added(desk, browser, picture(), b"%PDF-1.7 not a picture")
    assert answer.status == 409
    assert "mug.jpg" in answer.text
    assert await ids(desk) == []


async def test_there_is_an_end_of_photos(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_acts, "MOST_PHOTOS", 2)
    browser = await desk.signed_in(desk.ours.owner)
    assert (await added(desk, browser, picture(), picture("blue"))).status == 200
    assert (await added(desk, browser, picture("green"))).status == 409
    assert len(await ids(desk)) == 2


async def test_photos_are_put_in_order_and_taken_away(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    await added(desk, browser, picture("red"), picture("blue"), picture("green"))
    red, blue, green = await ids(desk)
    at = f"/products/{desk.ours.product_id}/photos"
    await browser.post(f"{at}/order", {"order": f"{green},{red},{blue}"})
    assert await ids(desk) == [green, red, blue]
    await browser.post(f"{at}/{blue}/move", {"to": "back"})
    assert await ids(desk) == [green, blue, red]
    await browser.post(f"{at}/{green}/move", {"to": "back"})
    assert await ids(desk) == [green, blue, red], "the first one stays the first"
    await browser.post(f"{at}/{blue}/remove")
    assert await ids(desk) == [green, red]
    assert (await browser.post(f"{at}/{blue}/remove")).status == 404


async def test_an_order_that_knows_nothing_of_the_newest_photo_keeps_it(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    await added(desk, browser, picture("red"), picture("blue"), picture("green"))
    red, blue, green = await ids(desk)
    await browser.post(f"/products/{desk.ours.product_id}/photos/order", {"order": f"{blue},{red}"})
    assert await ids(desk) == [blue, red, green]


async def test_a_photo_shows_one_variant(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    await added(desk, browser, picture())
    (photo,) = await ids(desk)
    at = f"/products/{desk.ours.product_id}/photos/{photo}/variant"
    assert (await browser.post(at, {"variant": str(desk.ours.mug.id)})).status == 200
    assert (await product(desk)).photos[0].variant_id == desk.ours.mug.id
    assert (await browser.post(at, {"variant": "999999"})).status == 404
    await browser.post(at, {"variant": ""})
    assert (await product(desk)).photos[0].variant_id is None


async def test_a_photo_of_another_shops_product_is_none(desk: Desk) -> None:
    browser = await desk.signed_in(desk.foreign.owner)
    assert (await added(desk, browser, picture())).status == 404
    assert await ids(desk) == []


async def test_an_operator_changes_no_photos(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    assert (await added(desk, browser, picture())).status == 403
    assert "data-arrange" not in (await browser.get(f"/products/{desk.ours.product_id}")).text


async def test_one_more_variant_is_chosen_by_what_tells_it_apart(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    at = f"/products/{desk.ours.product_id}/variants"
    form = {"sku": "MUG-XL", "price": "1700", "apart": "Цвет: белый; Объём: 0,5 л", "barcode": ""}
    assert (await browser.post(at, form)).status == 204
    made = (await product(desk)).variants[-1]
    assert (made.sku, made.price) == ("MUG-XL", 170000)
    assert made.attributes == [["Цвет", "белый"], ["Объём", "0,5 л"]]
    assert (await browser.post(at, form)).status == 409, "the SKU is taken"
    page = (await browser.get(f"/products/{desk.ours.product_id}")).text
    assert "Цвет: белый; Объём: 0,5 л" in page


@pytest.mark.parametrize(
    "words", ["белый", "Цвет:", ": белый", "Цвет: белый; Цвет: синий", "a: 1; b: 2; c: 3; d: 4; e: 5; f: 6"]
)
async def test_what_tells_nothing_apart_is_refused(desk: Desk, words: str) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    before = len((await product(desk)).variants)
    form = {"sku": "MUG-XL", "price": "1700", "apart": words}
    assert (await browser.post(f"/products/{desk.ours.product_id}/variants", form)).status == 409
    assert len((await product(desk)).variants) == before


async def test_an_old_form_without_attributes_leaves_them_alone(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    await browser.post(f"/variants/{desk.ours.mug.id}", {"sku": "NEW-SKU", "price": "10", "apart": "Цвет: синий"})
    await browser.post(f"/variants/{desk.ours.mug.id}", {"price": "20", "active": "on"})
    mug = next(one for one in (await product(desk)).variants if one.id == desk.ours.mug.id)
    assert (mug.sku, mug.attributes, mug.price) == ("NEW-SKU", [["Цвет", "синий"]], 2000)
