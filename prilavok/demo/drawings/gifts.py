"""Candles, boxes and cards."""

from __future__ import annotations

from prilavok.demo.drawings.ceramics import saucer, turned_body
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
from prilavok.demo.motifs import MOTIFS

KRAFT: Colour = (196, 160, 116)
WAX: Colour = (246, 236, 214)


def flame(easel: Easel, foot: Point, size: float = 1) -> None:
    x, y = foot
    easel.glow((x, y - 50 * size), 260 * size)
    easel.stroke([(x, y), (x, y - 26 * size)], (58, 44, 38), 6 * size)
    knots = [(0, -14), (-24, -46), (-16, -86), (4, -128), (20, -84), (25, -46), (0, -14)]
    easel.shape(smooth([(x + dx * size, y + dy * size) for dx, dy in knots]), (249, 176, 72))
    easel.shape(smooth([(x + dx * size * 0.5, y - 18 * size + dy * size * 0.5) for dx, dy in knots]), (255, 240, 190))


def candle(easel: Easel, base: Colour, motif: Motif) -> None:
    profile: list[Point] = [(178, 440), (178, 600), (174, 760), (150, 816)]
    turned_body(easel, profile, base, motif, rim=0.22)
    easel.piece(ellipse(500, 450, 158, 31), WAX, light="soft")
    flame(easel, (500, 448))


def tea_lights(easel: Easel, base: Colour, motif: Motif) -> None:
    for cx, foot in ((610, 690), (370, 730), (560, 816)):
        profile: list[Point] = [(96, foot - 72), (96, foot - 40), (92, foot)]
        turned_body(easel, profile, (178, 172, 164), motif, cx=cx, rim=0.26)
        easel.piece(ellipse(cx, foot - 66, 86, 20), lighter(base, 0.35), light="soft")
        flame(easel, (cx, foot - 66), 0.7)


def pillar(easel: Easel, base: Colour, motif: Motif) -> None:
    easel.shadow(ellipse(570, 838, 230, 36))
    saucer(easel, (500, 818), 190, (214, 203, 186))
    profile: list[Point] = [(104, 400), (104, 560), (104, 740), (106, 812)]
    turned_body(easel, profile, base, motif, rim=0.24)
    easel.piece(ellipse(500, 400, 104, 25), lighter(base, 0.24), light="soft")
    easel.piece(ellipse(500, 402, 62, 14), lighter(base, 0.5), light="soft")
    flame(easel, (500, 402))


def gift_box(easel: Easel, base: Colour, motif: Motif) -> None:
    ribbon = (236, 226, 208) if sum(base) < 480 else (151, 74, 84)
    easel.shadow([(250, 810), (760, 810), (880, 850), (340, 856)], strength=0.45)
    easel.piece([(262, 500), (738, 500), (738, 826), (262, 826)], base, motif=motif, light="round")
    easel.piece([(470, 500), (530, 500), (530, 826), (470, 826)], ribbon, light="soft")
    easel.shadow([(250, 500), (750, 500), (750, 514), (250, 514)], strength=0.5, blur=8)
    easel.piece(rounded(240, 420, 760, 506, 8), lighter(base, 0.1), motif=motif, light="round")
    easel.piece([(468, 420), (532, 420), (532, 506), (468, 506)], ribbon, light="soft")
    _bow(easel, (500, 418), ribbon)


def _bow(easel: Easel, knot: Point, ribbon: Colour) -> None:
    x, y = knot
    loop = [(x, y), (x + 60, y - 96), (x + 158, y - 112), (x + 176, y - 46), (x + 92, y - 6), (x, y)]
    for outline in (loop, [(2 * x - px, py) for px, py in loop]):
        easel.piece(smooth(outline), ribbon, light="soft")
        hole = [(x + (px - x) * 0.6 + (12 if px > x else -12), y - 8 + (py - y) * 0.52) for px, py in outline]
        easel.shape(smooth(hole), darker(ribbon, 0.34))
    for side in (-1, 1):
        tail = [(x, y - 4), (x + side * 96, y + 46), (x + side * 132, y + 112), (x + side * 92, y + 104), (x, y + 16)]
        easel.piece(smooth(tail, 4), darker(ribbon, 0.1), light="soft")
    easel.piece(ellipse(x, y - 8, 27, 24), darker(ribbon, 0.06), light="ball")


def gift_set(easel: Easel, base: Colour, motif: Motif) -> None:
    """A mug, a bowl and a rolled napkin that stand in an open box."""
    easel.shadow([(200, 800), (800, 800), (900, 846), (300, 850)], strength=0.45)
    easel.piece([(214, 520), (786, 520), (760, 600), (240, 600)], darker(KRAFT, 0.35), light="soft")
    roll = rounded(610, 440, 690, 700, 34)
    easel.piece(roll, (226, 216, 198), motif=MOTIFS["grid"], light="round")
    easel.piece([(608, 520), (692, 520), (692, 546), (608, 546)], (151, 74, 84), light="round")
    turned_body(easel, [(92, 408), (92, 520), (88, 640), (70, 690)], base, motif, cx=364, rim=0.24)
    turned_body(easel, [(112, 520), (104, 570), (80, 640), (52, 690)], lighter(base, 0.12), motif, cx=520, rim=0.28)
    for number in range(46):
        x = 246 + number * 11.2
        tip = (x + easel.random.uniform(-14, 14), 592 + easel.random.uniform(-22, 6))
        easel.stroke([(x, 650), tip], (226, 204, 164), 4)
    easel.piece([(200, 600), (800, 600), (786, 830), (214, 830)], KRAFT, light="round")
    easel.piece(rounded(420, 660, 580, 760, 8), (238, 228, 208), light="soft")
    easel.piece(turned(ellipse(500, 710, 22, 36), 32, (500, 710)), (128, 142, 102), light="soft")


def card(easel: Easel, base: Colour, motif: Motif) -> None:
    envelope = turned(rounded(210, 300, 790, 700, 8), -9, (500, 500))
    easel.shadow(moved(envelope, 16, 22), strength=0.4, blur=16)
    easel.piece(envelope, KRAFT, light="soft")
    easel.stroke(turned([(214, 304), (500, 530), (786, 304)], -9, (500, 500)), darker(KRAFT, 0.24), 4)
    sheet = rounded(328, 190, 698, 722, 6)
    easel.shadow(moved(sheet, 14, 20), strength=0.4, blur=16)
    easel.piece(sheet, (248, 243, 233), light="soft")
    print_ = rounded(384, 262, 642, 650, 4)
    easel.piece(print_, base, motif=motif, light="soft")
    easel.stroke([*print_, print_[0]], lighter(base, 0.6), 3)
