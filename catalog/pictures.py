"""A product's photos: which it has, in which order, and which variant each shows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from catalog.events import product_changed
from catalog.tables import Photo, Product, Variant
from storage.events import publish
from storage.tables import StoredFile


def add_photo(session: Session, product: Product, file: StoredFile, *, variant: Variant | None = None) -> Photo:
    """The file as the last photo of the product, or of this variant of it. The product's photos must be loaded."""
    photo = Photo(file_id=file.id, variant_id=variant.id if variant else None, position=len(product.photos))
    product.photos.append(photo)
    session.flush()
    return photo


def remove_photo(session: Session, product: Product, photo: Photo) -> None:
    """Take the photo away from the product; cards that were sent keep theirs, so the file stays."""
    product.photos.remove(photo)
    session.delete(photo)
    _renumber(session, product)


def arrange_photos(session: Session, product: Product, order: Sequence[int]) -> None:
    """Put the photos into this order of ids; those that are not named come after them, as they were."""
    places = {id_: place for place, id_ in enumerate(order)}
    product.photos.sort(key=lambda photo: (places.get(photo.id, len(places)), photo.position))
    _renumber(session, product)


def show_variant(session: Session, photo: Photo, variant: Variant | None) -> None:
    """Say that the photo shows this variant only, or the product as a whole."""
    photo.variant_id = variant.id if variant else None
    session.flush()


def shown(product: Product) -> list[list[int | None]]:
    """The product's photos in their order, each with the variant that it shows."""
    return [[photo.id, photo.variant_id] for photo in product.photos]


def tell_photos(session: Session, product: Product, before: list[list[int | None]], *, actor: str) -> None:
    """Write to the log what became of the photos, which were like `before`; once for all that was done to them."""
    after = shown(product)
    if after != before:
        publish(session, product_changed(product, None, {"photos": [before, after]}, actor))


def _renumber(session: Session, product: Product) -> None:
    for place, photo in enumerate(product.photos):
        photo.position = place
    session.flush()
