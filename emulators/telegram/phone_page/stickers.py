"""A few stickers that a person can send: drawn here, so no picture files are needed."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw

SIDE = 512
OUTLINE = "#ffffff"


@dataclass(frozen=True, slots=True)
class Sticker:
    emoji: str
    draw: Callable[[ImageDraw.ImageDraw], None]


def _heart(pen: ImageDraw.ImageDraw) -> None:
    for grow, colour in ((18, OUTLINE), (0, "#c2476b")):
        pen.ellipse((70 - grow, 100 - grow, 262 + grow, 292 + grow), fill=colour)
        pen.ellipse((250 - grow, 100 - grow, 442 + grow, 292 + grow), fill=colour)
        pen.polygon([(92 - grow, 250), (420 + grow, 250), (256, 452 + grow)], fill=colour)
    pen.ellipse((118, 140, 172, 188), fill="#dd7f9b")


def _cup(pen: ImageDraw.ImageDraw) -> None:
    for grow, colour in ((18, OUTLINE), (0, "#8c6a50")):
        pen.ellipse((320 - grow, 200 - grow, 452 + grow, 340 + grow), fill=colour)
    pen.ellipse((348, 230, 424, 310), fill=OUTLINE)
    for grow, colour in ((18, OUTLINE), (0, "#c79a74")):
        pen.rounded_rectangle((96 - grow, 160 - grow, 372 + grow, 430 + grow), 70, fill=colour)
    pen.ellipse((96, 132, 372, 200), fill="#8c6a50")
    pen.ellipse((120, 146, 348, 190), fill="#4b3120")
    for left in (170, 230, 290):
        pen.arc((left - 20, 40, left + 20, 120), 90, 270, fill="#b9a795", width=12)


def _sun(pen: ImageDraw.ImageDraw) -> None:
    for grow, colour in ((16, OUTLINE), (0, "#e8a33d")):
        for x, y in ((256, 60), (256, 452), (60, 256), (452, 256), (118, 118), (394, 394), (118, 394), (394, 118)):
            pen.ellipse((x - 38 - grow, y - 38 - grow, x + 38 + grow, y + 38 + grow), fill=colour)
        pen.ellipse((110 - grow, 110 - grow, 402 + grow, 402 + grow), fill=colour)
    pen.ellipse((138, 138, 374, 374), fill="#f6c667")
    pen.ellipse((196, 214, 224, 250), fill="#6b4310")
    pen.ellipse((288, 214, 316, 250), fill="#6b4310")
    pen.arc((196, 220, 316, 320), 20, 160, fill="#6b4310", width=12)


def _leaf(pen: ImageDraw.ImageDraw) -> None:
    for grow, colour in ((1.1, OUTLINE), (1.0, "#5b8f5a")):
        side = [
            (turn / 40, grow * 0.62 * math.sin(math.pi * turn / 40) * (1 - turn / 90)) for turn in range(41)
        ]  # along the vein, and away from it
        edge = [*side, *((along, -away) for along, away in reversed(side))]
        pen.polygon([_on_vein(along, away) for along, away in edge], fill=colour)
    pen.line((_on_vein(-0.12, 0), _on_vein(0.86, 0)), fill="#dcebd5", width=14)
    for along in (0.25, 0.45, 0.65):
        for away in (0.3, -0.3):
            pen.line((_on_vein(along, 0), _on_vein(along + 0.16, away * (1.2 - along))), fill="#dcebd5", width=9)


def _on_vein(along: float, away: float) -> tuple[float, float]:
    """A point by its place along the leaf's middle vein (0 to 1) and its distance from it."""
    return 100 + 300 * along + 210 * away, 430 - 330 * along + 210 * away


STICKERS = {
    "heart": Sticker("❤", _heart),
    "cup": Sticker("☕", _cup),
    "sun": Sticker("☀", _sun),
    "leaf": Sticker("🌿", _leaf),
}


@cache
def picture(name: str) -> bytes:
    """The sticker of this name as WEBP. Raises KeyError if there is none."""
    drawn = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    STICKERS[name].draw(ImageDraw.Draw(drawn))
    content = io.BytesIO()
    drawn.save(content, "WEBP", quality=88)
    return content.getvalue()
