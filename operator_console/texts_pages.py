"""The words of the bot: each text may be put into the owner's own words, and is shown as the buyer will read it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web
from markupsafe import Markup
from sqlalchemy.orm import Session

from company import settings, shops
from company.rights import Right
from company.texts import LOCALES, Texts
from inbox.content import escape, styled
from kit.money import Money
from operator_console import shell, spans
from operator_console.people import Shape
from operator_console.routing import Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import reading
from operator_console.visits import NoSuchPage, Visit

OURS = ("buyer.", "notice.buyer.")
"""How the keys of what a buyer reads begin."""

LONGEST = 2000

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


async def show(visit: Visit) -> web.StreamResponse:
    locale = _locale(visit.query("locale", visit.shop.locale))
    wanted = visit.query("q").strip()[:100].casefold()
    frame = await shell.frame(visit, "settings")
    own = (await visit.read(_own, visit.shop.id)).get(locale, {})
    every = [_row(visit, key, forms[0], own, locale) for key, forms in _keys(visit.console.texts, locale).items()]
    rows = [row for row in every if not wanted or wanted in f"{row['key']} {row['text']}".casefold()]
    return visit.page("pages/texts.html", **frame, rows=rows, locale=locale, query=wanted, languages=LOCALES)


async def change(visit: Visit) -> web.StreamResponse:
    """The owner's words for one text; none, or the usual ones, bring the usual ones back."""
    form = await visit.form()
    key, locale = form["key"], _locale(form["locale"])
    usual = _keys(visit.console.texts, locale).get(key)
    if usual is None:
        raise NoSuchPage(f"no text {key[:60]!r}")
    words = form["text"].strip()[:LONGEST]
    await visit.write(_change, visit.shop.id, locale, key, "" if words == usual[0] else words)
    with reading(visit.reader):
        return visit.done(_("Kept"))


async def preview(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    words = form["text"].strip()[:LONGEST]
    return visit.page("partials/text_preview.html", preview=_preview(words, visit.shop.name, _locale(form["locale"])))


ROUTES: tuple[Route, ...] = (
    get("/settings/texts", show, Right.SETTINGS),
    post("/settings/texts", change, Right.SETTINGS),
    post("/settings/texts/preview", preview, Right.SETTINGS),
)


def _locale(text: str) -> str:
    return text if text in LOCALES else LOCALES[0]


def _keys(texts: Texts, locale: str) -> dict[str, tuple[str, ...]]:
    """Texts for buyers; those with plural forms stay ours."""
    return {key: forms for key, forms in texts.keys(locale).items() if key.startswith(OURS) and len(forms) == 1}


def _row(visit: Visit, key: str, usual: str, own: Mapping[str, str], locale: str) -> Shape:
    words = own.get(key, usual)
    return {
        "key": key,
        "id": key.replace(".", "-"),
        "text": words,
        "usual": usual,
        "own": key in own,
        "facts": sorted(set(_PLACEHOLDER.findall(usual))),
        "preview": _preview(words, visit.shop.name, locale),
    }


def _preview(words: str, shop: str, locale: str) -> Markup:
    """The text with facts as they might be."""
    sums = {name: Money(329_000).format(locale) for name in ("sum", "price", "left")}
    russian = locale == "ru"
    facts = {
        "name": "Анна" if russian else "Anna",
        "shop": shop,
        "number": "1284",
        "title": "Кружка «Туман»" if russian else "Mug “Mist”",
        "quantity": "2",
        "stage": "Сборка" if russian else "Assembling",
        "phone": "+7 900 000-12-84",
        "moment": "14:30",
        **sums,
    }
    filled = _PLACEHOLDER.sub(lambda match: escape(facts.get(match[1], match[0])), words)
    text, styles = styled(filled)
    return spans.html(text, styles)


def _own(session: Session, shop_id: int) -> dict[str, dict[str, str]]:
    return settings.of(shops.get(session, shop_id)).texts


def _change(session: Session, shop_id: int, locale: str, key: str, words: str) -> None:
    shop = shops.get(session, shop_id)
    own = {language: dict(texts) for language, texts in settings.of(shop).texts.items()}
    mine = own.setdefault(locale, {})
    if words:
        mine[key] = words
    else:
        mine.pop(key, None)
    settings.change(session, shop, texts=own)
