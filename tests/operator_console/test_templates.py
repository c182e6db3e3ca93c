"""Templates keep to the strict Content-Security-Policy, escape what people wrote, and draw every component."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from operator_console.rendering import HERE, STATIC, Templates
from operator_console.showcase import showcase, talk
from operator_console.texts import Reader

NOW = datetime(2026, 11, 22, 7, 35, tzinfo=UTC)
TEMPLATES = sorted((HERE / "templates").rglob("*.html"))


def reader(language: str = "ru") -> Reader:
    return Reader(language, ZoneInfo("Europe/Moscow"), "light", NOW)


@pytest.fixture(scope="module")
def templates() -> Templates:
    return Templates()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_carries_inline_style_script_or_handler(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=", source)
    assert not re.search(r"\son[a-z]+=", source)
    assert not re.search(r"hx-on|js:|javascript:", source)
    scripts = re.findall(r"<script\b[^>]*>", source)
    assert all('src="{{ asset(' in tag or 'type="application/json"' in tag for tag in scripts)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_icon_and_static_file_named_by_a_template_exists(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    icons = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8")))
    assert set(re.findall(r'\bicon\("([\w-]+)"', source)) <= icons
    for asset in re.findall(r"asset\('([^']+)'\)", source):
        assert asset.startswith("vendor/") or (STATIC / asset).is_file(), asset


def test_every_class_used_by_a_template_has_a_rule() -> None:
    rules = set()
    for sheet in (STATIC / "css").glob("*.css"):
        rules |= set(re.findall(r"\.([a-z][\w-]*)", sheet.read_text(encoding="utf-8")))
    meant_for_scripts = {"picker", "order-card", "customer-more", "brand-text", "nav-text"}
    for path in TEMPLATES:
        for words in re.findall(r'\sclass="([^"{}]*)"', path.read_text(encoding="utf-8")):
            assert set(words.split()) <= rules | meant_for_scripts, path


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_component_page_draws_every_component(templates: Templates, language: str) -> None:
    page = templates.render("pages/components.html", reader(language), csrf="", **showcase(NOW))
    number = "№ {}" if language == "ru" else "No. {}"
    for part in ("Руслан Гареев", number.format(1281), "KR-TUM-300", "Лесная улица, 5", "poll"):
        assert part in page
    assert f'<html lang="{language}"' in page
    assert "payment-changed" in page
    assert "delivery-unknown" in page


def test_words_of_a_buyer_are_never_markup(templates: Templates) -> None:
    evil = talk.message(1, "buyer", NOW) | {"text": "<script>alert(1)</script>", "who": "<b>Eve</b>"}
    page = templates.render(
        "partials/feed.html",
        reader(),
        days=[{"at": NOW, "messages": [evil]}],
        planned=[talk.planned(NOW) | {"text": "<script>alert(2)</script>", "files": ["<b>Eve</b>"]}],
        feed_url="/f",
        earlier_url=None,
        unread_id=None,
        last_id=1,
    )
    assert "<script>" not in page
    assert "<b>Eve</b>" not in page
    assert "&lt;script&gt;" in page


def test_static_files_are_addressed_by_what_is_in_them(templates: Templates) -> None:
    assert templates.asset("css/tokens.css") == f"/static/{Templates().version}/css/tokens.css"
    assert re.fullmatch(r"[0-9a-f]{12}", templates.version)
