"""The page inside the iframe, and the files that it and the shop's page load."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.channels.webchat import forms
from bot.channels.webchat.texts import TEXTS
from bot.channels.webchat.thread import Site
from bot.flows import menu
from bot.flows.voice import Voice
from company import settings
from company.texts import Texts
from inbox.channels import CAPABILITIES
from inbox.content import styled
from kit import packing

STATIC = Path(__file__).parent / "static"

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    mime: str
    packed: bytes


class Assets:
    """The static files, read once. `version` changes with their content, so browsers may keep them for good."""

    def __init__(self) -> None:
        paths = sorted(path for path in STATIC.iterdir() if path.suffix in _TYPES)
        self._files = {path.name: _read(path) for path in paths}
        digest = hashlib.sha256()
        for name, asset in self._files.items():
            digest.update(name.encode() + b"\0" + asset.body)
        self.version = digest.hexdigest()[:12]

    def get(self, name: str) -> Asset | None:
        return self._files.get(name)


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, _TYPES[path.suffix], packing.packed(content))


class Frames:
    """Draws the page."""

    def __init__(self, texts: Texts, version: str) -> None:
        self._texts = texts
        self._pages = Environment(
            loader=PackageLoader("bot.channels.webchat"), autoescape=True, undefined=StrictUndefined
        )
        self._version = version

    def chat(self, site: Site, locale: str, theme: str) -> str:
        words = TEXTS[locale]
        return self._pages.get_template("frame.html").render(
            t=words,
            locale=locale,
            theme=theme,
            version=self._version,
            shop=site.shop.name,
            config=self._config(site, locale),
        )

    def unknown(self, locale: str, theme: str) -> str:
        return self._pages.get_template("unknown.html").render(
            t=TEXTS[locale], locale=locale, theme=theme, version=self._version
        )

    def _config(self, site: Site, locale: str) -> dict[str, Any]:
        """What the script must know before its first request."""
        return {
            "site": site.account.external_id,
            "origins": site.origins,
            "locale": locale,
            "texts": TEXTS[locale],
            "greeting": self._greeting(site, locale),
            "most": {
                "text": forms.TEXT,
                "files": forms.FILES,
                "bytes": CAPABILITIES["webchat"].file_in,
            },
        }

    def _greeting(self, site: Site, locale: str) -> dict[str, Any]:
        """The bot's greeting, shown before anything is said: a visitor who only looks makes no conversation."""
        voice = Voice.of(self._texts, locale, settings.of(site.shop))
        text, spans = styled(voice.marked("buyer.greeting_unnamed", shop=site.shop.name))
        keyboard = [[{"label": button.label} for button in row] for row in menu.keyboard(voice)]
        return {
            "text": text,
            "spans": [{"style": s.style.value, "offset": s.offset, "length": s.length, "url": s.url} for s in spans],
            "keyboard": keyboard,
        }
