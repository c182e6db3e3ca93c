"""The few goods of the stories, with pictures of a few hundred bytes."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from sqlalchemy.orm import Session

from catalog import editing, pictures, stock
from catalog.tables import Warehouse
from company.tables import Shop
from storage.files import FileStore, record

BLACK, WHITE, NAPKIN, PLAID = "MUG-BLK", "MUG-WHT", "NAP-LIN", "PLAID-1"

PRICES = {BLACK: 1450_00, WHITE: 1390_00, NAPKIN: 600_00, PLAID: 7900_00}
"""Minor units, by SKU."""

ON_HAND = {BLACK: 10, WHITE: 4, NAPKIN: 30, PLAID: 1}
"""What lies in both warehouses together at the beginning."""


@dataclass(frozen=True, slots=True)
class _Piece:
    category: str
    name: str
    variants: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


_PIECES = (
    _Piece("Кружки", "Кружка «Туман»", ((BLACK, (("Цвет", "чёрный"),)), (WHITE, (("Цвет", "белый"),)))),
    _Piece("Текстиль", "Салфетка льняная", ((NAPKIN, ()),)),
    _Piece("Текстиль", "Плед «Последний»", ((PLAID, ()),)),
)


def put_on_shelves(session: Session, shop: Shop, files: FileStore) -> None:
    """Categories, products with photos, and stock in two warehouses; the odd piece lies in the second."""
    first = stock.add_warehouse(session, shop, name="Магазин", position=0)
    second = stock.add_warehouse(session, shop, name="Склад", position=1)
    categories = {
        name: editing.add_category(session, shop, name=name, position=n)
        for n, name in enumerate(dict.fromkeys(piece.category for piece in _PIECES))
    }
    for n, piece in enumerate(_PIECES):
        product = editing.add_product(
            session,
            shop,
            name=piece.name,
            category=categories[piece.category],
            description="Ручная работа.",
            position=n,
        )
        for sku, attributes in piece.variants:
            variant = editing.add_variant(
                session,
                product,
                sku=sku,
                price=PRICES[sku],
                purchase_price=PRICES[sku] // 2,
                attributes=attributes,
            )
            for warehouse, quantity in _split(ON_HAND[sku], first, second):
                stock.receive(session, variant, warehouse, quantity, reason="initial", actor="system")
        blob = files.keep(picture(n * 40))
        pictures.add_photo(session, product, record(session, blob, name="photo.jpg", public=True, shop_id=shop.id))


def picture(shade: int) -> bytes:
    """A small JPEG of one colour."""
    out = BytesIO()
    Image.new("RGB", (32, 24), (shade, 120, 160)).save(out, "JPEG")
    return out.getvalue()


def _split(quantity: int, first: Warehouse, second: Warehouse) -> list[tuple[Warehouse, int]]:
    half = quantity // 2
    return [(place, part) for place, part in ((first, half), (second, quantity - half)) if part]
