"""Photos of the demo's goods, drawn anew at each start: no file to carry along, and the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

from prilavok.demo import goods
from prilavok.demo.drawings import DRAWINGS
from prilavok.demo.drawings.ceramics import whole_plate
from prilavok.demo.easel import Easel, colour, ellipse
from prilavok.demo.goods import Product
from prilavok.demo.motifs import MOTIFS


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG of a product. `skus` are the variants that look so; empty when it shows them all."""

    name: str
    content: bytes
    skus: tuple[str, ...]


def of_product(product: Product) -> Iterator[Picture]:
    """The first is for the shop window: one for each colour, or two views of the only one."""
    paints: dict[str, list[str]] = {}
    for variant in product.variants:
        paints.setdefault(variant.paint, []).append(variant.sku)
    if len(paints) == 1:
        yield Picture(f"{product.code}-1.jpg", _draw(product, *paints), ())
        yield Picture(f"{product.code}-2.jpg", _draw(product, *paints, close=True), ())
        return
    for number, (paint, skus) in enumerate(paints.items(), start=1):
        yield Picture(f"{product.code}-{number}.jpg", _draw(product, paint), tuple(skus))


def _draw(product: Product, paint: str, *, close: bool = False) -> bytes:
    drawing = DRAWINGS[product.drawing]
    easel = Easel(
        crc32(product.code.encode()) + close,
        f"{product.code}/{paint}",
        flat=drawing.flat,
        zoom=drawing.zoom * (1.45 if close else 1),
        focus=drawing.detail if close else drawing.middle,
    )
    drawing.draw(easel, colour(goods.paints()[paint]), MOTIFS[product.motif])
    return easel.jpeg()


def chipped_plate() -> bytes:
    """What an unlucky buyer photographs: the plate «Берег» with a piece broken off its rim."""
    easel = Easel(4, "chip", flat=True, zoom=1.2, focus=(520, 470))
    glaze = colour(goods.paints()["sky"])
    whole_plate(easel, glaze, MOTIFS["rings"], chipped=True)
    for x, y, size in ((742, 196, 24), (790, 232, 13), (700, 160, 10), (812, 186, 8)):
        easel.shadow(ellipse(x + 5, y + 8, size, size * 0.7), strength=0.4, blur=6)
        easel.piece(ellipse(x, y, size, size * 0.7), glaze, light="ball")
    return easel.jpeg()


PHOTOS: Mapping[str, Callable[[], bytes]] = {"chipped-plate": chipped_plate}
"""Photos that buyers send, by the names that the dialogues use."""


def portrait(number: int) -> bytes:
    """What a buyer shows of himself: somebody, before a wall."""
    hair, skin, dress = (("#5b3a29", "#e8c1a0", "#7a2e52"), ("#c98f4e", "#f0cdb0", "#2f5a6b"))[number % 2]
    easel = Easel(number, f"portrait/{number}", flat=True)
    easel.shape(ellipse(500, 430, 235, 285), colour(hair))
    easel.piece(ellipse(500, 1010, 400, 330), colour(dress), light="cloth")
    easel.shape(ellipse(500, 640, 90, 150), colour(skin))
    easel.piece(ellipse(500, 450, 175, 215), colour(skin), light="ball")
    easel.shape(ellipse(500, 300, 195, 105), colour(hair))
    return easel.jpeg()
