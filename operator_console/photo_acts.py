"""A product's photos on its page: added, put in order, taken away, tied to a variant."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web
from sqlalchemy.orm import Session

from catalog import goods, names, pictures
from catalog.tables import Photo, Product
from company.rights import Right
from kit.errors import Missing, Refused
from operator_console import photos, uploads
from operator_console.people import Shape
from operator_console.routing import ID, Route, post
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.uploads import Kept
from operator_console.visits import NoSuchPage, Visit, whole
from storage.files import record

MOST_PHOTOS = 20
"""Of one product: more of them nobody looks through, and no messenger shows."""

PHOTO = r"{photo:\d{1,18}}"


class NoSuchPhoto(Missing):
    code = "no_such_photo"


class NotAPhoto(Refused):
    """A file that messengers do not show as a photo."""

    code = "not_a_photo"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is no photo", name=name)


class TooManyPhotos(Refused):
    code = "too_many_photos"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST_PHOTOS} photos", most=MOST_PHOTOS)


async def add(visit: Visit) -> web.StreamResponse:
    """All of the form's pictures, or none if one of them is no picture."""
    fields = (await visit.form()).files("photos")
    if len(fields) > MOST_PHOTOS:
        raise TooManyPhotos()
    return await _changed(visit, _add, [await uploads.kept(visit, field) for field in fields])


async def arrange(visit: Visit) -> web.StreamResponse:
    """The order in which they were left by hand."""
    order = [whole(part) for part in (await visit.form())["order"].split(",") if part][:MOST_PHOTOS]
    return await _changed(visit, pictures.arrange_photos, order)


async def move(visit: Visit) -> web.StreamResponse:
    """One place forward or back: for those who have no mouse."""
    back = (await visit.form())["to"] == "back"
    return await _changed(visit, _move, visit.number("photo"), back)


async def remove(visit: Visit) -> web.StreamResponse:
    return await _changed(visit, _remove, visit.number("photo"))


async def show(visit: Visit) -> web.StreamResponse:
    """Which variant it shows."""
    form = await visit.form()
    return await _changed(visit, _show, visit.number("photo"), form.number("variant") if form["variant"] else None)


ROUTES: tuple[Route, ...] = (
    post(f"/products/{ID}/photos", add, Right.CATALOG_EDIT),
    post(f"/products/{ID}/photos/order", arrange, Right.CATALOG_EDIT),
    post(f"/products/{ID}/photos/{PHOTO}/move", move, Right.CATALOG_EDIT),
    post(f"/products/{ID}/photos/{PHOTO}/remove", remove, Right.CATALOG_EDIT),
    post(f"/products/{ID}/photos/{PHOTO}/variant", show, Right.CATALOG_EDIT),
)


def shape(session: Session, product: Product) -> list[Shape]:
    """The product's photos for partials/product_photos.html."""
    urls = photos.of_products(session, [product.id]).get(product.id, [])
    return [
        {"id": photo.id, "variant": photo.variant_id or "", "url": f"{url}?w={photos.MIDDLE}"}
        for photo, (_variant, url) in zip(product.photos, urls, strict=True)
    ]


def variants_to_show(product: Product) -> list[Shape]:
    """What a photo can be said to show."""
    return [
        {"value": "", "label": _("All variants")},
        *({"value": one.id, "label": names.attributes(one, reader().language) or one.sku} for one in product.variants),
    ]


async def _changed(visit: Visit, act: Callable[..., None], *facts: object) -> web.StreamResponse:
    """Change the product's photos and show them as they are now."""
    await visit.write(_with_product, visit, act, facts)
    return visit.page("partials/product_photos.html", **await visit.read(_shown, visit.shop.id, visit.number()))


def _with_product(session: Session, visit: Visit, act: Callable[..., None], facts: Sequence[object]) -> None:
    product = goods.product(session, visit.shop.id, visit.number())
    before = pictures.shown(product)
    act(session, product, *facts)
    pictures.tell_photos(session, product, before, actor=visit.actor)


def _shown(session: Session, shop_id: int, product_id: int) -> Shape:
    product = goods.product(session, shop_id, product_id)
    return {"product": product, "photos": shape(session, product), "shows": variants_to_show(product)}


def _add(session: Session, product: Product, kept: Sequence[Kept]) -> None:
    if len(product.photos) + len(kept) > MOST_PHOTOS:
        raise TooManyPhotos()
    for blob, name, mime in kept:
        if blob.mime not in uploads.PICTURES:
            raise NotAPhoto(name)
        file = record(session, blob, name=name, mime=mime, public=True, shop_id=product.shop_id)
        pictures.add_photo(session, product, file)


def _move(session: Session, product: Product, photo_id: int, back: bool) -> None:
    order = [photo.id for photo in product.photos]
    place = order.index(_photo(product, photo_id).id)
    order.insert(max(0, place - 1) if back else place + 1, order.pop(place))
    pictures.arrange_photos(session, product, order)


def _remove(session: Session, product: Product, photo_id: int) -> None:
    pictures.remove_photo(session, product, _photo(product, photo_id))


def _show(session: Session, product: Product, photo_id: int, variant_id: int | None) -> None:
    variant = next((one for one in product.variants if one.id == variant_id), None)
    if variant_id is not None and variant is None:
        raise NoSuchPage(f"variant {variant_id}")
    pictures.show_variant(session, _photo(product, photo_id), variant)


def _photo(product: Product, photo_id: int) -> Photo:
    found = next((photo for photo in product.photos if photo.id == photo_id), None)
    if found is None:
        raise NoSuchPhoto(f"photo {photo_id}")
    return found
