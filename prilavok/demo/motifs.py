"""What is painted, glazed, woven or carved on the goods of the pictures. Each motif draws on the skin of a piece."""

from __future__ import annotations

import math
from collections.abc import Mapping

from prilavok.demo.easel import Colour, Motif, Point, Skin, contrast, darker, lighter, mix, plain, turned


def speckle(skin: Skin) -> None:
    ink = contrast(skin.base, 0.55)
    for _ in range(150):
        x, y = skin.random.random() * skin.width, skin.random.random() * skin.height
        r = skin.px * skin.random.choice((1.6, 2.2, 2.2, 3.4, 5.2))
        skin.draw.ellipse((x - r, y - r, x + r, y + r * 0.8), fill=mix(skin.base, ink, 0.5 + skin.random.random() / 2))


def dip(skin: Skin) -> None:
    """A second glaze that ran down from the rim."""
    line = skin.across(skin.height * 0.46, 9 * skin.px, skin.random.choice((1.5, 2.2, 2.8)))
    drops = [(x, y + 14 * skin.px * math.sin(x / skin.px / 17) ** 2) for x, y in line]
    glaze = lighter(skin.base, 0.62) if sum(skin.base) < 560 else mix(skin.base, (172, 120, 84), 0.62)
    skin.draw.polygon([(0, 0), *drops, (skin.width, 0)], fill=glaze)
    skin.draw.line(drops, fill=mix(glaze, skin.base, 0.45), width=round(5 * skin.px))


def bands(skin: Skin) -> None:
    ink = contrast(skin.base, 0.4)
    for share, width in ((0.3, 12), (0.37, 4), (0.74, 22), (0.83, 4)):
        skin.draw.line(skin.across(skin.height * share), fill=ink, width=round(width * skin.px))


def stripes(skin: Skin) -> None:
    ink, thin = contrast(skin.base, 0.45), contrast(skin.base, 0.28)
    step = 54 * skin.px
    for number in range(math.ceil(skin.width / step) + 1):
        x = (number + 0.3) * step
        skin.draw.rectangle((x, 0, x + 13 * skin.px, skin.height), fill=ink)
        skin.draw.rectangle((x + 24 * skin.px, 0, x + 28 * skin.px, skin.height), fill=thin)


def checks(skin: Skin) -> None:
    step = 62 * skin.px
    half, full = contrast(skin.base, 0.2), contrast(skin.base, 0.42)
    columns = [number * step * 2 for number in range(math.ceil(skin.width / step / 2) + 1)]
    rows = [number * step * 2 + step / 2 for number in range(math.ceil(skin.height / step / 2) + 1)]
    for x in columns:
        skin.draw.rectangle((x, 0, x + step, skin.height), fill=half)
    for y in rows:
        skin.draw.rectangle((0, y, skin.width, y + step), fill=half)
    for x in columns:
        for y in rows:
            skin.draw.rectangle((x, y, x + step, y + step), fill=full)


def grid(skin: Skin) -> None:
    ink = contrast(skin.base, 0.17)
    step, thick = 22 * skin.px, round(5 * skin.px)
    for number in range(1, math.ceil(skin.width / step) + 1):
        skin.draw.line((number * step, 0, number * step, skin.height), fill=ink, width=thick)
    for number in range(1, math.ceil(skin.height / step) + 1):
        skin.draw.line(skin.across(number * step), fill=ink, width=thick)


def dots(skin: Skin) -> None:
    ink = lighter(skin.base, 0.72) if sum(skin.base) < 640 else darker(skin.base, 0.3)
    step, r = 58 * skin.px, 10.5 * skin.px
    for row in range(math.ceil(skin.height / step) + 1):
        for column in range(math.ceil(skin.width / step) + 2):
            u = (column - (0.5 if row % 2 else 0)) * step
            y = (row + 0.4) * step + skin.sag * (1 - (2 * u / skin.width - 1) ** 2)
            skin.draw.ellipse((u - r, y - r, u + r, y + r), fill=ink)


def waves(skin: Skin) -> None:
    inks = (lighter(skin.base, 0.6), contrast(skin.base, 0.3), lighter(skin.base, 0.35))
    for number, ink in enumerate(inks):
        line = skin.across(skin.height * (0.4 + 0.14 * number), 13 * skin.px, 3 + skin.random.random())
        skin.draw.line(line, fill=ink, width=round((12 - 2 * number) * skin.px))


def border(skin: Skin) -> None:
    """Drawn-thread work: two lines along the lower hem and dashes between them."""
    ink, hem = contrast(skin.base, 0.34), skin.height - 70 * skin.px
    for y in (hem, hem + 26 * skin.px):
        skin.draw.line(skin.across(y), fill=ink, width=round(4 * skin.px))
    for number in range(math.ceil(skin.width / (15 * skin.px))):
        x = number * 15 * skin.px
        skin.draw.line((x, hem + 5 * skin.px, x, hem + 21 * skin.px), fill=ink, width=round(4 * skin.px))


def leaves(skin: Skin) -> None:
    """Sprigs, each leaning its own way."""
    ink = contrast(skin.base, 0.5)
    count = max(2, round(skin.width / skin.px / 105))
    for number in range(count):
        root = ((number + 0.5) * skin.width / count, skin.height * (0.84 + skin.random.uniform(-0.04, 0.04)))
        height = min(skin.height * 0.62, 260 * skin.px) * skin.random.uniform(0.8, 1)
        _sprig(skin, root, height, skin.random.uniform(-14, 14), ink)


def fern(skin: Skin) -> None:
    """One large sprig that leans to the right."""
    root = (skin.width * 0.36, skin.height * 0.86)
    _sprig(skin, root, skin.height * 0.7, 22, contrast(skin.base, 0.5))


def monogram(skin: Skin) -> None:
    """The letter Л in satin stitch, and a line around the hem."""
    ink, cx, cy, size = contrast(skin.base, 0.75), skin.width / 2, skin.height / 2, 90 * skin.px
    letter = [(cx - size, cy + size), (cx - size * 0.55, cy + size), (cx, cy - size), (cx + size * 0.8, cy + size)]
    skin.draw.line(letter, fill=ink, width=round(20 * skin.px), joint="curve")
    hem = 34 * skin.px
    skin.draw.rectangle((hem, hem, skin.width - hem, skin.height - hem), outline=ink, width=round(4 * skin.px))


def _sprig(skin: Skin, root: Point, height: float, lean: float, ink: Colour) -> None:
    x, y = root
    stem: list[Point] = [(x, y - height * step / 10) for step in range(11)]
    skin.draw.line(turned(stem, lean, root), fill=ink, width=max(1, round(4 * skin.px)))
    for step in range(2, 11):
        side = 1 if step % 2 else -1
        length = height * (0.26 - 0.013 * step)
        tip = (x + side * length, y - height * step / 10 - length * 0.7)
        foot = (x, y - height * step / 10 + length * 0.15)
        leaf = _leaf(foot, tip)
        skin.draw.polygon(turned(leaf, lean, root), fill=ink)


def _leaf(foot: Point, tip: Point) -> list[Point]:
    dx, dy = tip[0] - foot[0], tip[1] - foot[1]
    sides = ((0.3, 0.17), (0.6, 0.15), (1, 0), (0.6, -0.15), (0.3, -0.17))
    return [foot, *((foot[0] + dx * a - dy * b, foot[1] + dy * a + dx * b) for a, b in sides)]


def rings(skin: Skin) -> None:
    ink = contrast(skin.base, 0.24)
    cx, cy = skin.width / 2, skin.height / 2
    for share in (0.96, 0.78, 0.6, 0.43, 0.27, 0.12):
        rx, ry = cx * share, cy * share
        skin.draw.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), outline=ink, width=round(7 * skin.px * share) + 2)


def petals(skin: Skin) -> None:
    ink = lighter(skin.base, 0.75)
    cx, cy = skin.width / 2, skin.height / 2
    for turn in range(0, 360, 30):
        petal = _leaf((cx, cy * 0.62), (cx, cy * 0.2))
        skin.draw.polygon(turned(petal, turn, (cx, cy)), fill=ink)
        dot = turned([(cx, cy * 0.12)], turn + 15, (cx, cy))[0]
        r = 9 * skin.px
        skin.draw.ellipse((dot[0] - r, dot[1] - r, dot[0] + r, dot[1] + r), fill=ink)
    r = 34 * skin.px
    skin.draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=ink)


def grain(skin: Skin) -> None:
    """Fibres of wood along the longer side."""
    lying = skin.width > skin.height
    long, wide = (skin.width, skin.height) if lying else (skin.height, skin.width)
    count = round(wide / skin.px / 17)
    for number in range(count):
        offset = (number + skin.random.random()) * wide / count
        phase, swing = skin.random.random() * 6, skin.random.uniform(2, 8) * skin.px
        ink = mix(skin.base, darker(skin.base, 0.5), skin.random.uniform(0.2, 0.6))
        fibre = [(long * s / 24, offset + swing * math.sin(phase + s / 24 * 3.4)) for s in range(25)]
        line = fibre if lying else [(y, x) for x, y in fibre]
        skin.draw.line(line, fill=ink, width=max(1, round(skin.random.uniform(1, 3.4) * skin.px)))


def weave(skin: Skin) -> None:
    """Willow rods over and under, row by row."""
    step, tall = 46 * skin.px, 24 * skin.px
    dark, bright = darker(skin.base, 0.42), lighter(skin.base, 0.24)
    for row in range(math.ceil(skin.height / tall) + 1):
        for column in range(math.ceil(skin.width / step) + 1):
            x = (column - (0.5 if row % 2 else 0)) * step
            y = row * tall + skin.sag * (1 - (2 * (x + step / 2) / skin.width - 1) ** 2) - skin.sag
            rod = (x + 2, y + 2, x + step - 2, y + tall - 2)
            fill = bright if row % 2 else skin.base
            skin.draw.rounded_rectangle(rod, radius=tall * 0.45, fill=fill, outline=dark, width=3)


MOTIFS: Mapping[str, Motif] = {
    "plain": plain,
    "speckle": speckle,
    "dip": dip,
    "bands": bands,
    "stripes": stripes,
    "checks": checks,
    "grid": grid,
    "dots": dots,
    "waves": waves,
    "border": border,
    "leaves": leaves,
    "fern": fern,
    "monogram": monogram,
    "rings": rings,
    "petals": petals,
    "grain": grain,
    "weave": weave,
}
