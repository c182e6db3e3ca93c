"""The person's own page: language, brightness, how answers leave, the shop to work in, browsers signed in."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.orm import Session

from company import presence, signin, staff
from company.rights import Right
from company.texts import LOCALES
from operator_console import hours_page, notification_pages, shell, staff_pages
from operator_console.door import keep_shop
from operator_console.routing import Route, get, post
from operator_console.visits import NoSuchPage, Visit

THEMES = ("auto", "light", "dark")

UNDO_SECONDS = (0, 5)
"""How long a person may let answers wait to be taken back."""


async def me(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "me")
    browsers = await visit.read(_browsers, visit.staff.id)
    shift = presence.shift_of(visit.shop, visit.staff.id)
    return visit.page(
        "pages/me.html",
        **frame,
        shift=shift,
        hours=await visit.read(lambda _session: hours_page.shape(shift)),
        away=await visit.read(presence.is_away, visit.staff.id),
        told=await visit.read(notification_pages.choices, visit),
        may_reply=visit.may(Right.REPLY),
        person=visit.staff,
        browsers=browsers,
        languages=[("ru", "Русский"), ("en", "English")],
    )


async def choose_theme(visit: Visit) -> web.StreamResponse:
    theme = (await visit.form())["theme"]
    if theme not in THEMES:
        raise NoSuchPage("no such theme")
    await visit.write(_keep, visit.staff.id, theme=theme)
    return visit.done()


async def choose_language(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    if form["language"] not in LOCALES:
        raise NoSuchPage("no such language")
    await visit.write(_keep, visit.staff.id, locale=form["language"])
    return visit.done(go="/me")


async def choose_undo(visit: Visit) -> web.StreamResponse:
    seconds = (await visit.form()).number("seconds")
    if seconds not in UNDO_SECONDS:
        raise NoSuchPage("no such wait")
    await visit.write(_keep, visit.staff.id, undo_seconds=seconds)
    return visit.done(go="/me")


async def choose_shop(visit: Visit) -> web.StreamResponse:
    shop_id = (await visit.form()).number("shop")
    if shop_id not in {shop.id for shop in visit.shops}:
        raise NoSuchPage("no such shop of this person")
    answer = web.HTTPSeeOther("/")
    keep_shop(answer, shop_id, secure=visit.console.secure)
    raise answer


async def sign_out_elsewhere(visit: Visit) -> web.StreamResponse:
    await visit.write(_sign_out_elsewhere, visit.staff.id, visit.token)
    return visit.done(go="/me")


async def set_away(visit: Visit) -> web.StreamResponse:
    away = (await visit.form())["away"] == "1"
    await visit.write(presence.set_away, visit.staff.id, away)
    return visit.done(go="/me")


async def link_messenger(visit: Visit) -> web.StreamResponse:
    """A code with which the person's own chat with the shop's bot becomes the one for what concerns him."""
    return await staff_pages.link(visit)


async def nav_counts(visit: Visit) -> web.StreamResponse:
    return visit.page("partials/nav_counts.html", nav=await shell.nav(visit))


ROUTES: tuple[Route, ...] = (
    get("/me", me, Right.OWN),
    post("/me/theme", choose_theme, Right.OWN),
    post("/me/language", choose_language, Right.OWN),
    post("/me/undo", choose_undo, Right.OWN),
    post("/me/shop", choose_shop, Right.OWN),
    post("/me/browsers", sign_out_elsewhere, Right.OWN),
    post("/me/away", set_away, Right.OWN),
    post("/me/messenger", link_messenger, Right.OWN),
    get("/nav", nav_counts, Right.OWN),
)


def _browsers(session: Session, staff_id: int) -> int:
    return len(signin.open_of(session, staff_id))


def _keep(
    session: Session,
    staff_id: int,
    *,
    theme: str | None = None,
    locale: str | None = None,
    undo_seconds: int | None = None,
) -> None:
    person = staff.get(session, staff_id)
    person.theme, person.locale = theme or person.theme, locale or person.locale
    if undo_seconds is not None:
        person.undo_seconds = undo_seconds


def _sign_out_elsewhere(session: Session, staff_id: int, token: str) -> None:
    signin.sign_out_all(session, staff_id, but=token)
