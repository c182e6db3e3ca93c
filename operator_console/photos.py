"""Addresses of product photos and of what came with messages."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.tables import Photo
from storage.tables import StoredFile

SMALL, MIDDLE, LARGE = 96, 320, 900
"""Widths that the pages ask for; storage.files.THUMBNAILS has them."""


def of_products(session: Session, product_ids: Iterable[int]) -> dict[int, list[tuple[int | None, str]]]:
    """The products' photos in their order: which variant each shows, or None for all, and its address."""
    rows = session.execute(
        sa.select(Photo.product_id, Photo.variant_id, StoredFile.token)
        .join(StoredFile, StoredFile.id == Photo.file_id)
        .where(Photo.product_id.in_(set(product_ids)))
        .order_by(Photo.product_id, Photo.position, Photo.id)
    )
    found: dict[int, list[tuple[int | None, str]]] = {}
    for product_id, variant_id, token in rows:
        found.setdefault(product_id, []).append((variant_id, f"/files/{token}"))
    return found


def of_variants(session: Session, variants: Iterable[tuple[int, int]], width: int = SMALL) -> dict[int, str]:
    """For each (variant id, product id), the address of the photo that suits the variant best."""
    wanted = list(variants)
    photos = of_products(session, {product_id for _, product_id in wanted})
    chosen = {}
    for variant_id, product_id in wanted:
        ways = photos.get(product_id, [])
        url = next((url for shown in (variant_id, None) for of, url in ways if of == shown), ways[0][1] if ways else "")
        if url:
            chosen[variant_id] = f"{url}?w={width}"
    return chosen
