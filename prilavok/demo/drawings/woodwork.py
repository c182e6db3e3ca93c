"""Boards, spoons and wicker."""

from __future__ import annotations

from prilavok.demo.drawings.ceramics import COTTON, handle, turned_body
from prilavok.demo.easel import (
    Colour,
    Easel,
    Motif,
    Point,
    darker,
    ellipse,
    lighter,
    moved,
    rounded,
    smooth,
    turned,
)


def board(easel: Easel, base: Colour, motif: Motif) -> None:
    body = [
        *smooth([(455, 110), (500, 92), (545, 110), (548, 190), (560, 280), (640, 330), (690, 350)]),
        *ellipse(672, 860, 24, 24, 0, 90),
        *ellipse(328, 860, 24, 24, 90, 180),
        *smooth([(310, 350), (360, 330), (440, 280), (452, 190), (455, 110)]),
    ]
    tilted = turned(body, 14, (500, 500))
    easel.shadow(moved(tilted, 22, 28), strength=0.5)
    easel.piece(tilted, base, motif=motif, light="soft")
    hole = turned(ellipse(500, 150, 18, 18), 14, (500, 500))
    easel.shape(hole, darker(base, 0.6))
    crumbs = ((250, 760), (236, 800), (290, 822), (770, 300), (796, 330))
    for x, y in crumbs:
        easel.shape(ellipse(x, y, 9, 6), (196, 150, 96))
    _bread(easel)


def _bread(easel: Easel) -> None:
    for shift in (0, 74, 148):
        slice_ = [*ellipse(440 + shift, 640 + shift * 0.12, 96, 62, 180, 360), (536 + shift, 730), (344 + shift, 722)]
        leaned = turned(slice_, 14, (440 + shift, 660))
        easel.shadow(moved(leaned, 12, 14), strength=0.4, blur=10)
        easel.piece(leaned, (160, 98, 54), light="soft")
        crumb = [(x * 0.86 + (440 + shift) * 0.14, y * 0.86 + 672 * 0.14) for x, y in leaned]
        easel.piece(crumb, (234, 206, 162), light="soft")


def round_board(easel: Easel, base: Colour, motif: Motif) -> None:
    easel.shadow(ellipse(532, 546, 330, 326), strength=0.52, blur=26)
    easel.piece(ellipse(500, 500, 335, 335), darker(base, 0.3), light="dish")
    easel.piece(ellipse(500, 500, 318, 318), base, motif=motif, light="dish")
    easel.stroke(ellipse(500, 500, 268, 268), darker(base, 0.22), 9)
    easel.stroke(ellipse(502, 503, 268, 268), lighter(base, 0.25), 4)


def tray(easel: Easel, base: Colour, motif: Motif) -> None:
    frame = rounded(110, 240, 890, 760, 60)
    easel.shadow(moved(frame, 22, 30), strength=0.5)
    easel.piece(frame, darker(base, 0.14), motif=motif, light="soft")
    easel.piece(rounded(152, 282, 848, 718, 36), lighter(base, 0.1), motif=motif, light="dish")
    for x in (118, 858):
        easel.shape(rounded(x, 440, x + 24, 560, 12), darker(base, 0.6))
    easel.shadow(ellipse(650, 500, 112, 112), strength=0.45, blur=12)
    easel.piece(ellipse(635, 480, 108, 108), (240, 232, 218), light="dish")
    easel.piece(ellipse(635, 480, 88, 88), (112, 66, 40), light="ball")
    easel.piece(turned(rounded(230, 360, 470, 640, 8), -8, (350, 500)), (214, 202, 180), light="cloth")


def spoons(easel: Easel, base: Colour, motif: Motif) -> None:
    for lean, kind in ((-17, "spoon"), (0, "spatula"), (17, "slotted")):
        middle: Point = (500, 900)
        head = ellipse(500, 235, 68, 104) if kind != "spatula" else rounded(440, 120, 560, 345, 34)
        stem = [(486, 320), (514, 320), (520, 868), (500, 884), (480, 868)]
        whole = [turned(part, lean, middle) for part in (stem, head)]
        for part in whole:
            easel.shadow(moved(part, 16, 20), strength=0.36, blur=12)
        for part in whole:
            easel.piece(part, base, motif=motif, light="soft")
        if kind == "spatula":
            for x in (472, 500, 528):
                easel.stroke(turned([(x, 170), (x, 300)], lean, middle), darker(base, 0.55), 9)
        else:
            bowl = turned(ellipse(500, 235, 49, 82), lean, middle)
            easel.piece(bowl, darker(base, 0.2), motif=motif, light="dish")
        if kind == "slotted":
            easel.shape(turned(ellipse(500, 235, 17, 17), lean, middle), (226, 208, 184))


def basket(easel: Easel, base: Colour, motif: Motif) -> None:
    handle(easel, [(316, 520), (330, 360), (500, 270), (670, 360), (684, 520)], darker(base, 0.1), 28)
    _wicker(easel, base, motif)


def wicker_box(easel: Easel, base: Colour, motif: Motif) -> None:
    _wicker(easel, base, motif)
    easel.shape(rounded(440, 632, 560, 668, 18), darker(base, 0.6))


def _wicker(easel: Easel, base: Colour, motif: Motif) -> None:
    profile: list[Point] = [(262, 500), (266, 600), (248, 720), (212, 816)]
    turned_body(easel, profile, base, motif, rim=0.2)
    easel.piece(ellipse(500, 500, 238, 43), COTTON, light="inside")
    knots = [(256, 506), (300, 560), (360, 545), (420, 580), (500, 560), (580, 584), (650, 550), (706, 562), (744, 506)]
    easel.piece([*smooth(knots), *ellipse(500, 502, 246, 46, 0, 180)], lighter(COTTON, 0.2), light="cloth")
