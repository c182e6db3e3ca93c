"""What makes the console an app, as the server tells it: to anybody, and nothing about anybody."""

from __future__ import annotations

import json
import re
from io import BytesIO

import pytest
from PIL import Image, ImageColor

from operator_console.rendering import STATIC, Templates
from tests.console.desk import Desk


@pytest.mark.parametrize(("language", "name"), [("ru", "Прилавок"), ("en", "Prilavok")])
async def test_the_manifest_speaks_the_readers_language_and_its_icons_are_there(
    desk: Desk, language: str, name: str
) -> None:
    stranger = desk.stranger()
    answer = await stranger.get(f"/app.webmanifest?lang={language}")
    assert answer.headers["Content-Type"].startswith("application/manifest+json")
    told = json.loads(answer.text)
    assert (told["name"], told["lang"], told["start_url"], told["display"]) == (name, language, "/", "standalone")
    assert told["theme_color"] == Templates().bar["light"]
    for icon in told["icons"]:
        assert (await stranger.get(icon["src"])).status == 200
    drawn = {icon["sizes"]: icon["src"].partition("/app/")[2] for icon in told["icons"] if "/app/" in icon["src"]}
    for size, file in drawn.items():
        with Image.open(STATIC / "app" / file) as picture:
            assert f"{picture.width}x{picture.height}" == size


def test_the_ground_of_a_maskable_icon_fills_its_square() -> None:
    with Image.open(BytesIO((STATIC / "app" / "maskable-512.png").read_bytes())) as picture:
        corners = {picture.convert("RGB").getpixel((x, y)) for x in (0, 511) for y in (0, 511)}
    [accent] = re.findall(r'<rect[^>]*fill="(#\w{6})"', (STATIC / "favicon.svg").read_text())
    assert corners == {ImageColor.getrgb(accent)}


def test_each_theme_has_a_colour_for_the_browsers_bar() -> None:
    bar = Templates().bar
    assert set(bar) == {"light", "dark"}
    assert bar["light"] != bar["dark"]


async def test_what_the_worker_keeps_is_the_same_for_everybody(desk: Desk) -> None:
    texts = []
    for browser in (desk.stranger(), await desk.signed_in(desk.ours.operator)):
        worker = await browser.get("/worker.js?lang=ru")
        assert worker.headers["Cache-Control"] == "no-cache"
        kept = json.loads(worker.text.partition("\n")[0].removeprefix("const KEPT = ").rstrip(";"))
        assert kept["version"] == Templates().version
        assert all(path == kept["page"] or path.startswith("/static/") for path in kept["files"])
        texts.append((worker.text, [(await browser.get(path)).text for path in kept["files"]]))
    assert texts[0] == texts[1]
