"""Linen: laid, hung, folded and slept on."""

from __future__ import annotations

import math

from prilavok.demo.drawings.ceramics import COTTON, bunch, turned_body
from prilavok.demo.easel import (
    Colour,
    Easel,
    Motif,
    Point,
    contrast,
    darker,
    ellipse,
    lighter,
    moved,
    rounded,
    smooth,
    turned,
)
from prilavok.demo.motifs import MOTIFS

OAK: Colour = (178, 138, 94)


def tablecloth(easel: Easel, base: Colour, motif: Motif) -> None:
    easel.shadow(ellipse(540, 905, 420, 40), strength=0.35)
    for x in (215, 770):
        easel.piece([(x - 20, 640), (x + 20, 640), (x + 12, 910), (x - 12, 910)], darker(OAK, 0.25))
    hem: list[Point] = [(880 - step * 19, 776 + 16 * math.sin(step * 0.97)) for step in range(41)]
    drape = [(130, 500), (870, 500), *smooth(hem, 3)]
    easel.piece(drape, darker(base, 0.06), motif=motif, light="cloth")
    top = [(235, 405), (765, 405), (870, 500), (868, 512), (132, 512), (130, 500)]
    easel.piece(top, lighter(base, 0.22), light="soft")
    bunch(easel, (430, 345), 0.7)
    pot: list[Point] = [(32, 345), (28, 365), (62, 410), (56, 450), (40, 462)]
    turned_body(easel, pot, (236, 226, 210), MOTIFS["speckle"], cx=430)


def runner(easel: Easel, base: Colour, motif: Motif) -> None:
    _planks(easel)
    strip = [(345, -40), (655, -40), (655, 860), (345, 860)]
    easel.shadow(moved(strip, 14, 12), strength=0.42, blur=12)
    for number in range(39):
        x = 348 + number * 8
        easel.stroke([(x, 856), (x + math.sin(number) * 3, 904)], darker(base, 0.08), 3.4)
    easel.piece(strip, base, motif=motif, light="soft")
    for edge in (362, 638):
        easel.stroke([(edge, -40), (edge, 856)], contrast(base, 0.22), 3)


def place_mat(easel: Easel, base: Colour, motif: Motif) -> None:
    _planks(easel)
    mat = rounded(150, 250, 850, 750, 22)
    easel.shadow(moved(mat, 14, 16), strength=0.45, blur=14)
    easel.piece(mat, base, motif=motif, light="soft")
    easel.stroke(rounded(172, 272, 828, 728, 14), lighter(base, 0.35), 4)
    easel.shadow(ellipse(508, 516, 186, 184), strength=0.5, blur=16)
    easel.piece(ellipse(490, 494, 182, 182), (240, 233, 220), light="dish")
    easel.stroke(ellipse(490, 494, 124, 124), (218, 207, 190), 5)
    easel.stroke([(745, 330), (745, 660)], (150, 146, 140), 12)
    easel.shape(rounded(730, 330, 762, 480, 15), (172, 168, 162))


def pot_holder(easel: Easel, base: Colour, motif: Motif) -> None:
    loop = smooth([(470, 262), (446, 190), (500, 150), (554, 190), (530, 262)], 10)
    square = rounded(242, 250, 758, 766, 62)
    easel.shadow(moved([*loop, *square], 18, 24), strength=0.45, blur=18)
    easel.stroke(loop, darker(base, 0.25), 20)
    easel.piece(square, base, motif=motif, light="pillow")
    edge = rounded(256, 264, 744, 752, 52)
    easel.stroke([*edge, edge[0]], darker(base, 0.3), 20)


def _planks(easel: Easel) -> None:
    for number in range(7):
        top = -110 + number * 174
        easel.piece([(-60, top), (1060, top), (1060, top + 170), (-60, top + 170)], (190, 154, 114), light="soft")
        easel.stroke([(-60, top + 172), (1060, top + 172)], (120, 88, 60), 5)
        for fibre in range(4):
            y = top + 24 + fibre * 38 + easel.random.uniform(-9, 9)
            line = [(x, y + 5 * math.sin(x / 190 + number + fibre)) for x in range(-60, 1100, 70)]
            easel.stroke(line, (170, 132, 92), 2.4)


def napkins(easel: Easel, base: Colour, motif: Motif) -> None:
    middle = (500, 500)
    tones = (darker(base, 0.16), lighter(base, 0.3), darker(base, 0.06))
    for tone, lean in zip(tones, (17, 9, 3), strict=True):
        under = turned(rounded(250, 250, 750, 750, 14), lean, middle)
        easel.shadow(moved(under, 12, 16), strength=0.3, blur=14)
        easel.piece(under, tone, light="soft")
    easel.piece(rounded(252, 252, 748, 748, 14), base, motif=motif, light="soft")
    corner = [(752, 560), (752, 752), (560, 752)]
    easel.shadow(moved(corner, -10, -12), strength=0.3, blur=8)
    easel.piece([(748, 560), (640, 628), (560, 748)], lighter(base, 0.3), light="soft")
    easel.shape([(752, 556), (754, 754), (556, 754), (566, 742), (742, 566)], lighter(base, 0.12))
    for line in ([(268, 268), (732, 268)], [(268, 268), (268, 732)]):
        easel.stroke(line, contrast(base, 0.18), 3)


def towel(easel: Easel, base: Colour, motif: Motif) -> None:
    easel.shadow([(215, 245), (805, 245), (805, 270), (215, 270)], strength=0.4, blur=12)
    easel.shadow([(360, 260), (705, 260), (705, 850), (360, 850)], strength=0.34, blur=24)
    for x in (232, 768):
        easel.piece(ellipse(x, 214, 17, 30), darker(OAK, 0.2), light="ball")
    easel.piece(rounded(190, 212, 810, 240, 14), OAK, motif=MOTIFS["grain"], light="soft")
    hem: list[Point] = [(692 - step * 9.1, 640 + 5 * math.sin(step * 0.8)) for step in range(41)]
    easel.piece([(322, 218), (692, 218), *hem], darker(base, 0.2), light="cloth")
    front: list[Point] = [(680 - step * 9, 830 + 8 * math.sin(step * 0.72 + 1)) for step in range(41)]
    easel.piece([(318, 206), (330, 200), (670, 200), (682, 206), *front], base, motif=motif, light="cloth")
    easel.stroke([(324, 796), (674, 796)], contrast(base, 0.3), 5)
    easel.stroke([(324, 808), (674, 808)], contrast(base, 0.3), 2.5)


def apron(easel: Easel, base: Colour, motif: Motif) -> None:
    tape = lighter(base, 0.12)
    easel.piece(ellipse(500, 118, 16, 16), OAK, light="ball")
    easel.stroke(smooth([(408, 300), (440, 190), (500, 122), (560, 190), (592, 300)], 10), tape, 15)
    body = [
        *smooth([(398, 288), (500, 300), (602, 288), (622, 380), (668, 455), (742, 505)]),
        *smooth([(748, 640), (752, 780), (744, 862), (500, 876), (256, 862), (248, 780), (252, 640)]),
        *smooth([(258, 505), (332, 455), (378, 380), (398, 288)]),
    ]
    easel.shadow(moved(body, 26, 26), strength=0.34)
    easel.stroke(smooth([(744, 515), (812, 560), (800, 680), (838, 742)]), tape, 13)
    easel.stroke(smooth([(256, 515), (188, 560), (204, 690), (166, 752)]), tape, 13)
    easel.piece(body, base, motif=motif, light="cloth")
    easel.stroke(smooth([(404, 300), (500, 312), (596, 300)]), contrast(base, 0.2), 4)
    pocket = rounded(372, 590, 628, 742, 12)
    easel.shadow(moved(pocket, 5, 8), strength=0.35, blur=7)
    easel.piece(pocket, lighter(base, 0.08), motif=motif, light="soft")
    easel.stroke([(500, 594), (500, 738)], contrast(base, 0.22), 3.5)
    easel.stroke([(376, 608), (624, 608)], contrast(base, 0.22), 3.5)


def bed(easel: Easel, base: Colour, motif: Motif) -> None:
    easel.shape([(-100, 842), (1100, 842), (1100, 1200), (-100, 1200)], (186, 156, 122))
    easel.shadow(ellipse(520, 880, 450, 40), strength=0.45)
    easel.piece(rounded(120, 270, 880, 700, 46), OAK, motif=MOTIFS["grain"], light="soft")
    for x in (150, 822):
        easel.piece(rounded(x, 780, x + 30, 890, 8), darker(OAK, 0.25))
    easel.piece(rounded(100, 590, 900, 840, 30), COTTON, light="soft")
    for left, tone in ((160, lighter(base, 0.3)), (520, lighter(base, 0.18))):
        pillow = _pillow(left, 430, left + 320, 610)
        easel.shadow(moved(pillow, 8, 14), strength=0.3, blur=14)
        easel.piece(pillow, tone, motif=motif, light="soft")
    hem: list[Point] = [(918 - step * 20.9, 822 + 9 * math.sin(step * 0.9)) for step in range(41)]
    duvet = [*smooth([(92, 640), (180, 585), (500, 572), (820, 585), (908, 640)]), *hem]
    easel.shadow(moved(duvet, 0, -12), strength=0.26, blur=12)
    easel.piece(duvet, base, motif=motif, light="cloth")
    fold = [
        *smooth([(88, 650), (180, 588), (500, 574), (820, 588), (912, 650)]),
        *smooth([(914, 706), (820, 656), (500, 640), (180, 656), (86, 706)]),
    ]
    easel.piece(fold, lighter(base, 0.38), light="soft")


def _pillow(left: float, top: float, right: float, bottom: float) -> list[Point]:
    cx, cy = (left + right) / 2, (top + bottom) / 2
    knots = [(left, top), (cx, top - 14), (right, top), (right + 4, cy), (right, bottom), (cx, bottom + 12)]
    return smooth([*knots, (left, bottom), (left - 4, cy), (left, top)], 10)


def cushion(easel: Easel, base: Colour, motif: Motif) -> None:
    easel.shadow(ellipse(545, 822, 300, 44), strength=0.45)
    upper: list[Point] = [
        (240, 330),
        (360, 352),
        (500, 340),
        (640, 352),
        (760, 330),
        (738, 450),
        (748, 580),
        (738, 700),
    ]
    lower: list[Point] = [
        (762, 826),
        (630, 806),
        (500, 818),
        (370, 806),
        (238, 826),
        (262, 700),
        (252, 580),
        (262, 450),
    ]
    shape = smooth([*upper, *lower, upper[0]], 6)
    easel.piece(shape, base, motif=motif, light="pillow")
    easel.stroke(smooth([(256, 350), (272, 460), (264, 580), (274, 700), (254, 808)]), darker(base, 0.22), 4)
    easel.stroke(smooth([(300, 800), (372, 788), (500, 800), (630, 788), (700, 800)]), darker(base, 0.22), 4)


def throw(easel: Easel, base: Colour, motif: Motif) -> None:
    easel.shadow(ellipse(560, 830, 360, 44), strength=0.45)
    for x in (270, 690):
        easel.piece([(x, 660), (x + 40, 660), (x + 46, 900), (x + 22, 900)], darker(OAK, 0.2))
    easel.piece(rounded(215, 640, 785, 690, 16), OAK, motif=MOTIFS["grain"], light="soft")
    for number, tone in enumerate((darker(base, 0.14), lighter(base, 0.14), base)):
        top = 560 - number * 82
        easel.piece(rounded(250 - number * 4, top, 752 - number * 6, top + 88, 40), tone, motif=motif, light="soft")
    front = [(402, 398), (648, 398), (654, 742), (400, 748)]
    easel.shadow(moved(front, 10, 6), strength=0.36, blur=12)
    easel.piece(front, base, motif=motif, light="cloth")
    for number in range(13):
        x = 408 + number * 20
        easel.stroke([(x, 742), (x + 3 * math.sin(number), 800)], lighter(base, 0.1), 7)
