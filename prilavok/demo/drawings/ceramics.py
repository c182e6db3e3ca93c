"""Things turned on the wheel, and the plate seen from above."""

from __future__ import annotations

from collections.abc import Sequence

from prilavok.demo.easel import (
    Colour,
    Easel,
    Motif,
    Outline,
    Point,
    contrast,
    darker,
    ellipse,
    lighter,
    mix,
    moved,
    rounded,
    smooth,
    turned,
)
from prilavok.demo.motifs import MOTIFS

GREEN: Colour = (112, 128, 88)
STRAW: Colour = (176, 142, 92)
COTTON: Colour = (247, 241, 230)


def turned_body(
    easel: Easel, profile: Sequence[Point], base: Colour, motif: Motif, *, cx: float = 500, rim: float = 0.2
) -> None:
    """A body of the wheel: `profile` lists (half width, height) from the rim down; `rim` is how open it looks."""
    curve = smooth(profile)
    (top_width, top), (foot_width, foot) = curve[0], curve[-1]
    left = [(cx - half, y) for half, y in curve]
    right = [(cx + half, y) for half, y in reversed(curve)]
    base_line = ellipse(cx, foot, foot_width, foot_width * rim * 0.9, 180, 0)
    widest = max(half for half, _ in curve)
    easel.shadow(ellipse(cx + 70, foot + 14, widest * 1.12, widest * 0.2), strength=0.38)
    easel.shadow(ellipse(cx + 10, foot + 8, foot_width * 1.08, foot_width * 0.22), strength=0.5, blur=8)
    easel.piece([*left, *base_line, *right], base, motif=motif, sag=widest * rim * 0.8)
    mouth(easel, cx, top, top_width, base, rim)


def mouth(easel: Easel, cx: float, y: float, half: float, base: Colour, rim: float = 0.2) -> None:
    """The rim and the dark inside, as seen from a little above."""
    easel.shape(ellipse(cx, y, half, half * rim), lighter(base, 0.35))
    inner = half - max(6.0, half * 0.055)
    easel.piece(ellipse(cx, y + 2, inner, inner * rim * 0.94), darker(base, 0.12), light="inside")


def handle(easel: Easel, line: Outline, base: Colour, width: float = 34) -> None:
    """A bent strap with a lit upper side."""
    curve = smooth(line, 12)
    easel.stroke(curve, darker(base, 0.28), width)
    easel.stroke(moved(curve, -width * 0.08, -width * 0.1), mix(base, darker(base, 0.28), 0.25), width * 0.66)
    easel.stroke(moved(curve, -width * 0.12, -width * 0.2), lighter(base, 0.22), width * 0.18)


def mug(easel: Easel, base: Colour, motif: Motif) -> None:
    _mug(easel, base, motif, 475, 800, 1)


def pair(easel: Easel, base: Colour, motif: Motif) -> None:
    _mug(easel, darker(base, 0.08), motif, 660, 745, 0.78)
    _mug(easel, base, motif, 350, 815, 0.84)


def _mug(easel: Easel, base: Colour, motif: Motif, cx: float, foot: float, size: float) -> None:
    def at(x: float, y: float) -> Point:
        return cx + x * size, foot - y * size

    handle(easel, [at(145, 320), at(262, 318), at(292, 210), at(240, 105), at(138, 80)], base, 38 * size)
    profile = [(172, 372), (170, 250), (166, 120), (154, 36), (116, 0)]
    turned_body(easel, [(half * size, foot - y * size) for half, y in profile], base, motif, cx=cx, rim=0.22)


def bowl(easel: Easel, base: Colour, motif: Motif) -> None:
    profile: list[Point] = [(245, 520), (238, 590), (205, 690), (140, 768), (98, 796), (100, 822)]
    turned_body(easel, profile, base, motif, rim=0.27)


def jug(easel: Easel, base: Colour, motif: Motif) -> None:
    handle(easel, [(590, 400), (720, 385), (745, 520), (690, 640), (600, 690)], base, 40)
    profile: list[Point] = [(112, 330), (104, 400), (130, 500), (172, 620), (174, 720), (140, 800), (112, 815)]
    easel.piece(smooth([(398, 345), (345, 300), (330, 296), (372, 372), (402, 430)]), base, light="soft")
    turned_body(easel, profile, base, motif, cx=490, rim=0.24)


def bottle(easel: Easel, base: Colour, motif: Motif) -> None:
    twig(easel, (500, 330), base)
    profile: list[Point] = [(40, 330), (36, 390), (46, 470), (98, 560), (122, 680), (116, 780), (86, 822)]
    turned_body(easel, profile, base, motif, rim=0.28)


def twig(easel: Easel, root: Point, base: Colour) -> None:
    """A dry branch with cotton bolls, or with berries in a pale bottle."""
    x, y = root
    stem = smooth([(x, y + 20), (x - 6, y - 80), (x + 22, y - 170), (x + 58, y - 255)])
    easel.stroke(stem, darker(STRAW, 0.4), 7)
    pale = sum(base) > 500
    for dx, dy, r in ((-46, -120, 22), (66, -150, 24), (8, -196, 22), (58, -255, 27), (96, -214, 18)):
        easel.stroke([(x + dx * 0.3, y + dy * 0.8), (x + dx, y + dy)], darker(STRAW, 0.35), 4)
        boll = (168, 72, 58) if pale else COTTON
        easel.piece(ellipse(x + dx, y + dy, r * (0.7 if pale else 1), r * (0.7 if pale else 0.9)), boll, light="ball")


def vase(easel: Easel, base: Colour, motif: Motif) -> None:
    bunch(easel, (500, 440))
    profile: list[Point] = [(88, 430), (72, 470), (104, 530), (186, 620), (200, 700), (158, 790), (104, 824)]
    turned_body(easel, profile, base, motif, rim=0.24)


def bunch(easel: Easel, root: Point, size: float = 1) -> None:
    """Wild flowers: blades of grass, daisies and ears of rye."""
    x, y = root
    for lean, tall in ((-34, 260), (-20, 330), (-6, 290), (9, 345), (22, 300), (37, 240)):
        length = tall * size
        tip = turned([(x, y - length)], lean, root)[0]
        bend = turned([(x, y - length * 0.55)], lean * 0.7, root)[0]
        easel.stroke(smooth([root, bend, tip]), GREEN, 6 * size)
        if lean in (-34, 9, 37):
            for step in range(7):
                side = 9 if step % 2 else -9
                grain = ellipse(x + side * size, y - length + step * 15 * size, 7 * size, 14 * size)
                easel.shape(turned(grain, lean, root), STRAW)
        else:
            for turn in range(0, 360, 45):
                petal = ellipse(tip[0], tip[1] - 21 * size, 10 * size, 17 * size)
                easel.shape(turned(petal, turn, tip), COTTON)
            easel.shape(ellipse(tip[0], tip[1], 12 * size, 12 * size), (214, 160, 62))
    for lean in (-50, -12, 16, 48):
        blade = [(x - 8, y), (x - 20, y - 110 * size), (x, y - 190 * size), (x + 14, y - 100 * size), (x + 8, y)]
        easel.shape(turned(smooth(blade), lean, root), mix(GREEN, STRAW, 0.2))


def pot(easel: Easel, base: Colour, motif: Motif) -> None:
    for lean, length in ((-64, 210), (-40, 270), (-15, 310), (12, 320), (36, 280), (62, 220)):
        root = (500, 520)
        leaf = smooth([root, (458, 520 - length * 0.6), (500, 520 - length), (542, 520 - length * 0.6), root])
        easel.piece(turned(leaf, lean, root), mix(GREEN, (70, 92, 60), abs(lean) / 90), light="soft")
        easel.stroke(turned([(500, 510), (500, 520 - length * 0.85)], lean, root), darker(GREEN, 0.35), 3)
    easel.shadow(ellipse(560, 836, 260, 40))
    saucer(easel, (500, 826), 215, darker(base, 0.1))
    turned_body(easel, [(192, 500), (188, 560), (172, 680), (146, 812)], base, motif, rim=0.17)
    easel.shape(ellipse(500, 506, 168, 23), (82, 60, 48))


def saucer(easel: Easel, centre: Point, half: float, base: Colour) -> None:
    x, y = centre
    easel.piece(ellipse(x, y + 10, half, half * 0.17), darker(base, 0.25))
    easel.piece(ellipse(x, y, half, half * 0.17), lighter(base, 0.12), light="soft")


def wheel(easel: Easel, base: Colour, motif: Motif) -> None:
    """A wet bowl on the potter's wheel."""
    easel.shadow(ellipse(540, 880, 360, 60), strength=0.5)
    easel.piece([(452, 830), (548, 830), (560, 1010), (440, 1010)], (84, 78, 74))
    saucer(easel, (500, 822), 350, (112, 104, 98))
    turned_body(easel, [(196, 560), (204, 640), (180, 740), (124, 800)], base, motif, rim=0.24)


def teapot(easel: Easel, base: Colour, motif: Motif) -> None:
    handle(easel, [(640, 500), (770, 470), (810, 590), (750, 700), (640, 715)], base, 36)
    spout = [(350, 690), (262, 650), (225, 560), (176, 500), (218, 478), (282, 520), (330, 580), (380, 590)]
    easel.piece(smooth(spout), darker(base, 0.05), light="soft", motif=None)
    profile: list[Point] = [(96, 470), (150, 490), (206, 570), (212, 660), (172, 760), (116, 812)]
    turned_body(easel, profile, base, motif, cx=490, rim=0.2)
    lid = [*ellipse(490, 470, 112, 62, 180, 360), *ellipse(490, 470, 112, 22, 0, 180)]
    easel.piece(lid, darker(base, 0.06))
    easel.piece(ellipse(490, 402, 27, 23), base, light="ball")


def plate(easel: Easel, base: Colour, motif: Motif) -> None:
    napkin = turned(rounded(180, 250, 520, 940, 10), -16, (350, 600))
    easel.shadow(moved(napkin, 12, 18), strength=0.28, blur=14)
    easel.piece(napkin, (222, 211, 192), light="cloth", motif=MOTIFS["border"])
    whole_plate(easel, base, motif)


def whole_plate(easel: Easel, base: Colour, motif: Motif, *, chipped: bool = False) -> None:
    """The plate alone, from above."""
    rim = ellipse(500, 500, 350, 350, -38, 292) if chipped else ellipse(500, 500, 350, 350)
    chip: list[Point] = [(622, 214), (660, 226), (672, 256), (718, 262), (736, 288)] if chipped else []
    easel.shadow(moved([*rim, *chip], 34, 48), strength=0.5, blur=26)
    easel.piece([*rim, *chip], base, light="dish", motif=motif)
    easel.stroke([(500 + (x - 500) * 0.984, 500 + (y - 500) * 0.984) for x, y in rim], lighter(base, 0.4), 9)
    well = ellipse(500, 500, 236, 236)
    easel.stroke(well, darker(base, 0.16), 7)
    easel.stroke(moved(well, 3, 4), lighter(base, 0.35), 4)
    if chipped:
        easel.stroke([rim[-1], *chip, rim[0]], (226, 190, 158), 10)
        easel.stroke([(672, 256), (612, 330), (604, 404)], darker(base, 0.4), 3)


def house(easel: Easel, base: Colour, motif: Motif) -> None:
    easel.shadow([(350, 800), (690, 800), (820, 845), (440, 850)], strength=0.42)
    walls = [(350, 520), (650, 520), (640, 822), (360, 822)]
    easel.piece(walls, base, motif=motif, light="soft")
    easel.piece([(318, 535), (500, 318), (682, 535)], darker(base, 0.18), light="soft")
    easel.shape([(566, 372), (604, 372), (604, 455), (566, 410)], darker(base, 0.3))
    for left, top in ((408, 580), (526, 580), (408, 694)):
        window = rounded(left, top, left + 66, top + 74, 8)
        easel.shape(window, (255, 214, 128))
        easel.stroke([(left + 33, top), (left + 33, top + 74)], contrast(base, 0.4), 5)
        easel.stroke([(left, top + 37), (left + 66, top + 37)], contrast(base, 0.4), 5)
    easel.shape([*ellipse(559, 724, 34, 34, 180, 360), (593, 822), (525, 822)], (255, 206, 116))
    easel.glow((500, 680), 300)
