"""Paint and canvas for the demo's pictures: shapes in a square of 1000 by 1000, shaded softly, on warm paper.

Edges and motifs are drawn at twice the size and reduced; shading and shadows are computed small and enlarged, which
keeps a picture at some thirty milliseconds. What should look scattered comes from a generator seeded by the goods.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from io import BytesIO
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]
Outline = Sequence[Point]
Motif = Callable[["Skin"], None]

SIDE = 800
"""Of the finished picture, in pixels."""
HORIZON = 665
"""Where the table meets the wall, in design units."""
SHADOW: Colour = (84, 58, 40)
PAPERS: Sequence[tuple[str, str]] = (
    ("#f3e9db", "#e0cbb1"),
    ("#efe4dc", "#d9c0b0"),
    ("#ece7da", "#cfc8b0"),
    ("#f2e6d0", "#dcbf92"),
    ("#e9e5e0", "#cdc1b6"),
    ("#f1e2da", "#d8b5a4"),
)
"""Wall and table."""


def colour(code: str) -> Colour:
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with this share (0 to 1) of `second`."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(first, second, strict=True))
    return r, g, b


def lighter(base: Colour, share: float) -> Colour:
    return mix(base, (255, 248, 236), share)


def darker(base: Colour, share: float) -> Colour:
    return mix(base, (38, 26, 22), share)


def contrast(base: Colour, share: float = 0.45) -> Colour:
    """A tone of the same colour that can be seen on it."""
    return darker(base, share) if sum(base) > 360 else lighter(base, share)


class Skin:
    """The surface of one piece, where a motif is drawn before the piece is shaded and cut out.

    `draw` takes pixels; `width` and `height` are the piece's own; `px` is one design unit in pixels. `sag` is how far
    a horizontal line bends down in the middle, in pixels, when the piece is round.
    """

    def __init__(self, image: Image.Image, base: Colour, px: float, sag: float, random: Random) -> None:
        self.draw = ImageDraw.Draw(image)
        self.width, self.height = image.size
        self.base, self.px, self.sag, self.random = base, px, sag, random

    def across(self, y: float, wobble: float = 0, waves: float = 0) -> list[Point]:
        """A line from edge to edge at the height `y`, bent as the piece is, `waves` times up and down by `wobble`."""
        points = []
        for step in range(41):
            u = step / 40
            bend = self.sag * (1 - (2 * u - 1) ** 2)
            points.append((u * self.width, y + bend + wobble * math.sin(u * waves * 2 * math.pi)))
        return points


class Easel:
    """One picture in the making. `zoom` enlarges around `focus`, both in design units."""

    def __init__(self, paper: int, seed: str, *, flat: bool = False, zoom: float = 1, focus: Point = (500, 500)):
        self.random = Random(seed)  # noqa: S311 - it scatters specks of glaze
        self.px = SIDE / 1000 * zoom
        self._left = SIDE / 2 - focus[0] * self.px
        self._top = SIDE / 2 - focus[1] * self.px
        horizon = None if flat else round(self._top + HORIZON * self.px)
        self.image = _paper(paper % len(PAPERS), horizon).copy()

    def place(self, points: Iterable[Point]) -> list[Point]:
        return [(self._left + x * self.px, self._top + y * self.px) for x, y in points]

    def shape(self, outline: Outline, fill: Colour) -> None:
        self._paint(fill, *_cut(self.place(outline)))

    def stroke(self, line: Outline, fill: Colour, width: float) -> None:
        """A line with round ends, `width` in design units."""
        self._paint(fill, *_cut(self.place(line), max(1.0, width * self.px)))

    def piece(
        self, outline: Outline, base: Colour, *, motif: Motif | None = None, light: str = "round", sag: float = 0
    ) -> None:
        """A shaded body with a motif on it. `light` is one of LIGHTS; `sag` in design units."""
        cut, box = _cut(self.place(outline))
        surface = Image.new("RGB", cut.size, base)
        if motif is not None and motif is not plain:
            fine = Image.new("RGB", (cut.width * 2, cut.height * 2), base)
            motif(Skin(fine, base, self.px * 2, sag * self.px * 2, self.random))
            surface = fine.reduce(2)
        self.image.paste(ImageChops.hard_light(surface, _light(light, cut.size)), box, cut)

    def shadow(self, outline: Outline, *, strength: float = 0.4, blur: float = 22) -> None:
        """A soft shadow of this outline; `blur` in design units."""
        coarse = 8
        points = self.place(outline)
        margin = blur * self.px * 2.5
        left, top = (min(p[axis] for p in points) - margin for axis in (0, 1))
        right, bottom = (max(p[axis] for p in points) + margin for axis in (0, 1))
        small = Image.new("L", (math.ceil((right - left) / coarse), math.ceil((bottom - top) / coarse)))
        cut = [((x - left) / coarse, (y - top) / coarse) for x, y in points]
        ImageDraw.Draw(small).polygon(cut, fill=round(255 * strength))
        soft = small.filter(ImageFilter.GaussianBlur(blur * self.px / coarse))
        grown = soft.resize((small.width * coarse, small.height * coarse), Image.Resampling.BILINEAR)
        self._paint(SHADOW, grown, (round(left), round(top)))

    def glow(self, centre: Point, radius: float) -> None:
        """The light of a flame on whatever is around it."""
        size = round(2 * radius * self.px)
        around = _glow().resize((size, size), Image.Resampling.BILINEAR)
        ((x, y),) = self.place([centre])
        self._paint((255, 226, 160), around, (round(x - size / 2), round(y - size / 2)))

    def jpeg(self) -> bytes:
        out = BytesIO()
        self.image.save(out, "JPEG", quality=85)
        return out.getvalue()

    def _paint(self, fill: Colour, cut: Image.Image, corner: tuple[int, int]) -> None:
        # A sheet of the colour is pasted more than twice as fast as the bare colour.
        self.image.paste(Image.new("RGB", cut.size, fill), corner, cut)


def plain(skin: Skin) -> None:
    """The motif that is none: the colour alone."""


def _cut(points: Outline, thick: float = 0) -> tuple[Image.Image, tuple[int, int]]:
    """A mask of the polygon, or of the line if it is `thick`, with smooth edges, and where its corner goes."""
    left, top = (math.floor(min(p[axis] for p in points) - thick) for axis in (0, 1))
    right, bottom = (math.ceil(max(p[axis] for p in points) + thick) for axis in (0, 1))
    fine = Image.new("L", ((right - left + 1) * 2, (bottom - top + 1) * 2))
    draw = ImageDraw.Draw(fine)
    inside = [((x - left) * 2, (y - top) * 2) for x, y in points]
    if thick:
        draw.line(inside, fill=255, width=round(thick * 2), joint="curve" if thick > 7 else None)
        for x, y in (inside[0], inside[-1]):
            draw.ellipse((x - thick, y - thick, x + thick, y + thick), fill=255)
    else:
        draw.polygon(inside, fill=255)
    return fine.reduce(2), (left, top)


def ellipse(cx: float, cy: float, rx: float, ry: float, start: float = 0, end: float = 360) -> list[Point]:
    """Points of an ellipse or of its arc; degrees go clockwise from the right."""
    steps = max(8, round(abs(end - start) / 4))
    turns = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(cx + rx * math.cos(turn), cy + ry * math.sin(turn)) for turn in turns]


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> list[Point]:
    corners = ((right - radius, top + radius, 270), (right - radius, bottom - radius, 0))
    others = ((left + radius, bottom - radius, 90), (left + radius, top + radius, 180))
    return [p for cx, cy, turn in corners + others for p in ellipse(cx, cy, radius, radius, turn, turn + 90)]


def smooth(points: Outline, steps: int = 8) -> list[Point]:
    """A curve through all the points (Catmull-Rom), open at its ends."""
    padded = [points[0], *points, points[-1]]
    curve = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(steps):
            t = step / steps
            curve.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    return [*curve, points[-1]]


def turned(outline: Outline, degrees: float, centre: Point) -> list[Point]:
    """The outline turned around a point."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    cx, cy = centre
    return [(cx + (x - cx) * cos - (y - cy) * sin, cy + (x - cx) * sin + (y - cy) * cos) for x, y in outline]


def moved(outline: Outline, dx: float, dy: float) -> list[Point]:
    return [(x + dx, y + dy) for x, y in outline]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


LIGHTS: dict[str, tuple[Callable[[float, float], float], Callable[[float, float], float]]] = {
    "round": (
        lambda u, v: 0.62 * max(0.0, (u - 0.42) / 0.58) ** 1.6 + 0.22 * max(0.0, 0.14 - u) / 0.14 + 0.1 * v,
        lambda u, v: 0.34 * math.exp(-(((u - 0.27) / 0.1) ** 2)),
    ),
    "ball": (
        lambda u, v: 0.6 * max(0.0, math.hypot(u - 0.36, v - 0.3) - 0.16) ** 1.3,
        lambda u, v: 0.4 * math.exp(-(((u - 0.33) / 0.16) ** 2) - ((v - 0.27) / 0.18) ** 2),
    ),
    "dish": (
        lambda u, v: 0.3 * max(0.0, 0.95 - u - v) + 0.12 * max(0.0, u + v - 1.25),
        lambda u, v: 0.36 * max(0.0, u + v - 0.95),
    ),
    "cloth": (
        lambda u, v: 0.11 + 0.11 * math.sin(u * 27 + 1.2 * v) + 0.1 * v * u,
        lambda u, v: 0.11 + 0.11 * math.sin(u * 27 + 1.2 * v + 2.6),
    ),
    "soft": (lambda u, v: 0.3 * v**2 + 0.12 * u, lambda u, v: 0.22 * (1 - v) * (1 - u)),
    "pillow": (
        lambda u, v: 0.55 * max(0.0, abs(u - 0.5) * 2 - 0.55) ** 1.4 + 0.5 * max(0.0, v - 0.6) ** 1.3,
        lambda u, v: 0.2 * math.exp(-(((u - 0.42) / 0.3) ** 2) - ((v - 0.35) / 0.3) ** 2),
    ),
    "inside": (lambda u, v: 0.2 + 0.5 * (1 - u) * (1 - v * 0.6), lambda u, v: 0.14 * u * v),
}
"""How dark and how bright a piece is at each place of its box, from 0 to 1."""


@lru_cache(maxsize=24)
def _light(name: str, size: tuple[int, int]) -> Image.Image:
    """The lighting as a layer for hard_light, where mid-grey leaves the colour as it is."""
    grown = _small_light(name).resize(size, Image.Resampling.BILINEAR)
    return Image.merge("RGB", (grown, grown, grown))


@lru_cache
def _small_light(name: str) -> Image.Image:
    dark, bright = LIGHTS[name]
    return _field(lambda u, v: 0.5 - 0.29 * min(1.0, max(0.0, dark(u, v))) + 0.37 * max(0.0, bright(u, v)))


def _field(value: Callable[[float, float], float], side: int = 48) -> Image.Image:
    cells = [value((i % side) / (side - 1), (i // side) / (side - 1)) for i in range(side * side)]
    return Image.frombytes("L", (side, side), bytes(max(0, min(255, round(255 * cell))) for cell in cells))


@lru_cache
def _glow() -> Image.Image:
    return _field(lambda u, v: 0.8 * max(0.0, 1 - 2 * math.hypot(u - 0.5, v - 0.5)) ** 2)


@lru_cache(maxsize=32)
def _paper(number: int, horizon: int | None) -> Image.Image:
    """A wall with the light of a window on it, and a table from `horizon` down, if there is one; SIDE pixels square."""
    wall, table = (colour(code) for code in PAPERS[number])
    image = _vertical(lighter(wall, 0.5), darker(wall, 0.05), SIDE)
    window = Image.new("L", (SIDE // 8, SIDE // 8))
    pane = ImageDraw.Draw(window)
    for column in (0.02, 0.25):
        for row in (0.0, 0.3):
            corner = [(column, row), (column + 0.2, row + 0.07), (column + 0.2, row + 0.33), (column, row + 0.26)]
            pane.polygon([(x * window.width, y * window.width) for x, y in corner], fill=120)
    light = window.filter(ImageFilter.GaussianBlur(2.2)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    image.paste((255, 250, 238), mask=light)
    if horizon is not None and horizon < SIDE:
        image.paste(_vertical(lighter(table, 0.3), darker(table, 0.1), SIDE - horizon), (0, horizon))
        edge = Image.new("L", (SIDE, 6), 70)
        image.paste(darker(table, 0.3), (0, horizon), edge)
    return image


def _vertical(top: Colour, bottom: Colour, height: int) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((SIDE, height), Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", ramp.size, bottom), Image.new("RGB", ramp.size, top), ramp)
