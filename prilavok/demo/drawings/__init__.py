"""How each kind of goods looks. A drawing puts one thing on the easel, in the colour and with the motif asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prilavok.demo.drawings import ceramics, gifts, textiles, woodwork
from prilavok.demo.easel import Colour, Easel, Motif, Point

Draw = Callable[[Easel, Colour, Motif], None]


@dataclass(frozen=True, slots=True)
class Drawing:
    """`flat`: seen from above or against a wall, without a table. The picture is centred on `middle` at `zoom`.

    A close view looks at `detail`.
    """

    draw: Draw
    middle: Point
    zoom: float
    detail: Point
    flat: bool = False


DRAWINGS: Mapping[str, Drawing] = {
    "mug": Drawing(ceramics.mug, (515, 630), 1.5, (480, 590)),
    "pair": Drawing(ceramics.pair, (530, 640), 1.25, (380, 640)),
    "bowl": Drawing(ceramics.bowl, (515, 645), 1.4, (500, 640)),
    "plate": Drawing(ceramics.plate, (495, 510), 1.12, (640, 600), flat=True),
    "teapot": Drawing(ceramics.teapot, (500, 620), 1.3, (430, 600)),
    "jug": Drawing(ceramics.jug, (535, 575), 1.3, (500, 520)),
    "bottle": Drawing(ceramics.bottle, (510, 470), 1.08, (500, 610)),
    "vase": Drawing(ceramics.vase, (510, 480), 1.08, (490, 600)),
    "pot": Drawing(ceramics.pot, (510, 540), 1.2, (500, 600)),
    "house": Drawing(ceramics.house, (520, 590), 1.35, (500, 620)),
    "wheel": Drawing(ceramics.wheel, (510, 660), 1.15, (480, 640)),
    "tablecloth": Drawing(textiles.tablecloth, (500, 520), 1.08, (380, 560), flat=True),
    "runner": Drawing(textiles.runner, (500, 480), 1, (500, 700), flat=True),
    "place-mat": Drawing(textiles.place_mat, (500, 500), 1.15, (660, 600), flat=True),
    "napkins": Drawing(textiles.napkins, (505, 505), 1.3, (560, 590), flat=True),
    "pot-holder": Drawing(textiles.pot_holder, (505, 470), 1.3, (500, 400), flat=True),
    "towel": Drawing(textiles.towel, (505, 520), 1.22, (500, 660), flat=True),
    "apron": Drawing(textiles.apron, (500, 490), 1.12, (480, 600), flat=True),
    "bed": Drawing(textiles.bed, (500, 570), 1.1, (360, 560), flat=True),
    "cushion": Drawing(textiles.cushion, (515, 590), 1.4, (440, 560)),
    "throw": Drawing(textiles.throw, (510, 620), 1.3, (500, 580)),
    "board": Drawing(woodwork.board, (500, 490), 1.1, (500, 600), flat=True),
    "round-board": Drawing(woodwork.round_board, (510, 510), 1.2, (640, 600), flat=True),
    "tray": Drawing(woodwork.tray, (505, 505), 1.15, (420, 520), flat=True),
    "spoons": Drawing(woodwork.spoons, (505, 505), 1.08, (500, 340), flat=True),
    "basket": Drawing(woodwork.basket, (515, 560), 1.3, (460, 620)),
    "wicker-box": Drawing(woodwork.wicker_box, (515, 640), 1.3, (460, 640)),
    "candle": Drawing(gifts.candle, (515, 590), 1.4, (500, 520)),
    "tea-lights": Drawing(gifts.tea_lights, (500, 680), 1.4, (560, 740)),
    "pillar": Drawing(gifts.pillar, (510, 560), 1.25, (500, 440)),
    "gift-box": Drawing(gifts.gift_box, (520, 580), 1.3, (500, 480)),
    "gift-set": Drawing(gifts.gift_set, (515, 620), 1.3, (450, 560)),
    "card": Drawing(gifts.card, (500, 470), 1.25, (510, 430), flat=True),
}
