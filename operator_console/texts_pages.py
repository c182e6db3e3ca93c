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
from operator_console import shell, spans, text_names_after, text_names_before
from operator_console.people import Shape
from operator_console.routing import Route, get, post
from operator_console.text_groups import Group
from operator_console.texts import gettext as _
from operator_console.texts import reading
from operator_console.visits import NoSuchPage, Visit

OURS = ("buyer.", "notice.buyer.")
"""How the keys of what a buyer reads begin."""

LONGEST = 2000

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


async def show(visit: Visit) -> web.StreamResponse:
    locale = _locale(visit.query("locale", visit.shop.locale))
    query = visit.query("q").strip()[:100]
    frame = await shell.frame(visit, "settings")
    own = (await visit.read(_own, visit.shop.id)).get(locale, {})
    with reading(visit.reader):
        groups = _groups(visit, own, locale, query.casefold())
    return visit.page("pages/texts.html", **frame, groups=groups, locale=locale, query=query, languages=LOCALES)


async def change(visit: Visit) -> web.StreamResponse:
    """The owner's words for one text; none, or the usual ones, bring the usual ones back.

    What he has typed stays as it is and only what is said of it changes; the usual words come with the whole text.
    """
    form = await visit.form()
    key, locale = form["key"], _locale(form["locale"])
    usual = _keys(visit.console.texts, locale).get(key)
    if usual is None:
        raise NoSuchPage(f"no text {key[:60]!r}")
    words = form["text"].strip()[:LONGEST]
    own = words if words != usual[0] else ""
    await visit.write(_change, visit.shop.id, locale, key, own)
    with reading(visit.reader):
        row = _row(visit, key, usual[0], {key: own} if own else {}, locale) | _named(key)
        answer = visit.page("partials/text_row.html" if not words else "partials/text_state.html", row=row)
        answer.headers["HX-Trigger"] = visit.done(_("Kept") if words else _("The usual words are back")).headers[
            "HX-Trigger"
        ]
    if not words:
        answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = f"#text-{row['id']}", "outerHTML"
    return answer


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


def _groups(visit: Visit, own: Mapping[str, str], locale: str, wanted: str) -> list[Shape]:
    """Texts by when they are seen: those in which what is looked for stands, in their name, moment, words or key."""
    usual, found = _keys(visit.console.texts, locale), []
    for n, group in enumerate(_all_groups()):
        moments = []
        for moment in group.moments:
            rows = [
                _row(visit, key, usual[key][0], own, locale) | {"name": name, "when": moment.when}
                for key, name in moment.names.items()
            ]
            said = f"{group.title} {moment.when}".casefold()
            rows = [row for row in rows if wanted in said or wanted in _sought(row)]
            if rows:
                moments.append({"when": moment.when, "rows": rows})
        if moments:
            found.append({"id": f"group-{n}", "title": group.title, "moments": moments})
    return found


def _sought(row: Shape) -> str:
    return f"{row['name']} {row['text']} {row['usual']} {row['key']}".casefold()


def _all_groups() -> list[Group]:
    return [*text_names_before.groups(), *text_names_after.groups()]


def _named(key: str) -> Shape:
    """The name of one text, and when it is seen."""
    moments = [moment for group in _all_groups() for moment in group.moments if key in moment.names]
    return {"name": moments[0].names[key], "when": moments[0].when}


def _row(visit: Visit, key: str, usual: str, own: Mapping[str, str], locale: str) -> Shape:
    words = own.get(key, usual)
    return {
        "key": key,
        "id": key.replace(".", "-"),
        "locale": locale,
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
