"""What an order line remembers of a variant."""

from __future__ import annotations

from catalog import names
from catalog.tables import Variant
from company.tables import Shop
from orders.tables import OrderLine

NAME_LIMIT = 200


def snapshot(variant: Variant, count: int, shop: Shop, position: int) -> OrderLine:
    """The variant as it is sold today, in the shop's own language: later changes of the catalogue do not reach it."""
    return OrderLine(
        position=position,
        variant_id=variant.id,
        sku=variant.sku,
        name=names.title(variant, shop.locale)[:NAME_LIMIT],
        attributes=list(variant.attributes),
        price=variant.price,
        purchase_price=variant.purchase_price,
        quantity=count,
        vat_code=variant.product.vat_code,
        payment_subject=variant.product.payment_subject,
    )
