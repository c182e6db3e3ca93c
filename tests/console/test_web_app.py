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


async def test_the_numbers_of_every_menu_come_anew(desk: Desk) -> None:
    """Each has a place of its own on the pages that show it."""
    marina = await desk.signed_in(desk.ours.owner)
    numbers = set(re.findall(r'id="([\w-]+)"', (await marina.fragment("/nav")).text))
    shown: set[str] = set()
    for path in ("/inbox", "/inbox?channel=telegram", "/me", *(f"/inbox?view={it}" for it in ("mine", "waiting"))):
        page = (await marina.get(path)).text
        shown |= set(re.findall(r'id="((?:nav|tab|view|strip|total|more)-[\w-]+)"', page))
    assert {"tab-inbox", "strip-waiting", "nav-channel-telegram", "total-channel-telegram", "more-tasks"} <= shown
    assert shown <= numbers


def test_the_ground_of_a_maskable_icon_fills_its_square() -> None:
    with Image.open(BytesIO((STATIC / "app" / "maskable-512.png").read_bytes())) as picture:
        corners = {picture.convert("RGB").getpixel((x, y)) for x in (0, 511) for y in (0, 511)}
    [accent] = re.findall(r'<rect[^>]*fill="(#\w{6})"', (STATIC / "favicon.svg").read_text())
    assert corners == {ImageColor.getrgb(accent)}


async def test_the_browsers_bar_is_of_the_theme_that_the_person_chose(desk: Desk) -> None:
    bar = Templates().bar
    assert set(bar) == {"light", "dark"}
    assert bar["light"] != bar["dark"]
    marina = await desk.signed_in(desk.ours.operator)
    for theme, colour in bar.items():
        await marina.post("/me/theme", {"theme": theme})
        assert f'name="theme-color" content="{colour}"' in (await marina.get("/orders")).text


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
