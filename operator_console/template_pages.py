"""Templates: chosen, filled in, looked at and sent from the composer, and chosen for what the shop says of itself."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web
from sqlalchemy.orm import Session

from bot.channels import CONNECTORS
from company import accounts
from company.rights import Right
from company.tables import ChannelAccount
from inbox import messages, templates
from inbox.content import Media, MediaKind
from inbox.templates import Approved, Choice, GapsToFill, NoSuchTemplate
from operator_console import composer_shapes, uploads
from operator_console.composer_shapes import KEY_LENGTH
from operator_console.inbox_pages import beside, found_in
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.visits import Form, NoSuchPage, Visit
from storage.files import Blob, record

FRESH = 60.0
"""Seconds that a list of templates is good for: the preview asks at every letter."""

_listed: dict[int, tuple[float, list[Approved]]] = {}

Picture = tuple[Blob, str, str]


async def window(visit: Visit) -> web.StreamResponse:
    """{left}: for how many seconds more the buyer may be written to freely."""
    return web.json_response({"left": await visit.read(_left, visit, visit.number())})


async def form(visit: Visit) -> web.StreamResponse:
    """What the dialog holds: the approved templates, and the gaps of the one that is chosen."""
    account_id, facts = await visit.read(_around, visit, visit.number())
    listed = await listed_of(visit, account_id)
    chosen = _named(listed, visit.query("template")) if visit.query("template") else next(iter(listed), None)
    values = _values(chosen, facts) if chosen is not None else []
    return visit.page("partials/template_form.html", **_form_shape(visit.number(), listed, chosen, values))


async def preview(visit: Visit) -> web.StreamResponse:
    filled, (account_id, _facts) = await visit.form(), await visit.read(_around, visit, visit.number())
    chosen = _named(await listed_of(visit, account_id), filled["template"])
    words = templates.preview(chosen, _given(chosen, filled))
    return visit.page("partials/text_preview.html", preview=words)


async def send(visit: Visit) -> web.StreamResponse:
    """The template to the buyer, now. The form's key makes a repeated send the same message."""
    filled, (account_id, _facts) = await visit.form(), await visit.read(_around, visit, visit.number())
    chosen = _named(await listed_of(visit, account_id), filled["template"])
    given = filled.files("picture")
    picture = await uploads.kept(visit, given[0]) if chosen.picture and given else None
    await visit.write(_send, visit, visit.number(), chosen, filled, picture)
    return visit.done()


async def choose(visit: Visit) -> web.StreamResponse:
    """Which template goes on which occasion where free words are not taken."""
    filled, listed = await visit.form(), await listed_of(visit, visit.number())
    await visit.write(_choose, visit, visit.number(), filled, listed)
    return visit.done(go=f"/channels/{visit.number()}")


async def chosen(visit: Visit) -> web.StreamResponse:
    """The part of a channel's page where they are chosen; it asks the messenger, so it comes after the page."""
    listed = await listed_of(visit, visit.number())
    return visit.page(
        "partials/templates_chosen.html", **await visit.read(_chosen_shape, visit, visit.number(), listed)
    )


ROUTES: tuple[Route, ...] = (
    get(f"/inbox/{ID}/window", window),
    get(f"/inbox/{ID}/templates", form, Right.REPLY),
    post(f"/inbox/{ID}/templates/preview", preview, Right.REPLY),
    post(f"/inbox/{ID}/templates", send, Right.REPLY),
    get(f"/channels/{ID}/templates", chosen, Right.SETTINGS),
    post(f"/channels/{ID}/templates", choose, Right.SETTINGS),
)


async def listed_of(visit: Visit, account_id: int) -> list[Approved]:
    """The approved templates of an account. Raises BadToken, ChannelSilent; NoSuchPage where there are none at all."""
    known = _listed.get(account_id)
    if known is not None and time.monotonic() - known[0] < FRESH:
        return known[1]
    channel, token, api, settings = await visit.read(_opened, visit, account_id)
    ask = CONNECTORS[channel].templates if channel in CONNECTORS else None
    if ask is None:
        raise NoSuchPage(f"{channel} has no templates")
    found = await ask(token, api, settings)
    _listed[account_id] = time.monotonic(), found
    return found


def forget() -> None:
    """Ask anew at the next look."""
    _listed.clear()


def _opened(session: Session, visit: Visit, account_id: int) -> tuple[str, str, str, Mapping[str, Any]]:
    account = _account(session, visit, account_id)
    kept = accounts.secret_of(visit.console.box, account)
    token = str(orjson.loads(kept).get("token", "")) if kept else ""
    api = str(account.settings.get("api") or "")
    return account.channel, token, api, dict(account.settings)


def _account(session: Session, visit: Visit, account_id: int, *, lock: bool = False) -> ChannelAccount:
    account = session.get(ChannelAccount, account_id, with_for_update=lock)
    if account is None or account.shop_id != visit.shop.id:
        raise accounts.NoSuchChannel(f"channel account {account_id}")
    return account


def _left(session: Session, visit: Visit, id_: int) -> int | None:
    here = found_in(session, visit, id_)
    return composer_shapes.window_left(here, session.get_one(ChannelAccount, here.account_id))


def _around(session: Session, visit: Visit, id_: int) -> tuple[int, dict[str, str]]:
    """The conversation's account, and what is likely to be filled in."""
    here = found_in(session, visit, id_)
    around = beside(session, visit, here)
    order = around.current
    facts = {"name": around.customer.name.split(" ")[0], "number": str(order.number) if order is not None else ""}
    return here.account_id, facts


def _named(listed: Sequence[Approved], key: str) -> Approved:
    found = next((each for each in listed if each.key == key), None)
    if found is None:
        raise NoSuchTemplate(f"template {key[:80]!r}")
    return found


def _values(template: Approved, facts: Mapping[str, str]) -> list[str]:
    """What gaps of these names begin with; a number says nothing of what is wanted."""
    return [facts.get(gap, "") for gap in template.gaps()]


def _given(template: Approved, filled: Form) -> list[str]:
    return [filled[f"gap-{n}"][:1000] for n in range(len(template.gaps()))]


def _form_shape(id_: int, listed: Sequence[Approved], chosen: Approved | None, values: Sequence[str]) -> Shape:
    return {
        "url": f"/inbox/{id_}/templates",
        "options": [{"value": each.key, "label": f"{each.name} · {each.language}"} for each in listed],
        "key": secrets.token_hex(16),
        "chosen": chosen,
        "gaps": [
            {"name": f"gap-{n}", "label": gap, "value": value}
            for n, (gap, value) in enumerate(zip(chosen.gaps() if chosen else (), values, strict=True))
        ],
        "preview": templates.preview(chosen, values) if chosen is not None else "",
    }


def _send(session: Session, visit: Visit, id_: int, chosen: Approved, filled: Form, picture: Picture | None) -> None:
    here = found_in(session, visit, id_, lock=True)
    media: tuple[Media, ...] = ()
    if picture is not None:
        blob, name, mime = picture
        if blob.mime not in uploads.PICTURES:
            raise GapsToFill()
        row = record(session, blob, name=name, mime=mime, shop_id=visit.shop.id)
        media = (Media(MediaKind.PHOTO, file_id=row.id, name=row.name, mime=row.mime, size=row.size),)
    said = templates.fill(chosen, _given(chosen, filled), media=media)
    messages.reply(session, here, visit.staff, said, client_key=filled["key"][:KEY_LENGTH] or None)


# On the channel's page


def occasion_words() -> dict[str, str]:
    return {
        "paid": _("The order is paid"),
        "assembling": _("The order is being assembled"),
        "shipped": _("The order is on its way"),
        "delivered": _("The order is delivered"),
        "cancelled": _("The order is cancelled"),
        "stage": _("Any other stage"),
        "refunded": _("Money was given back"),
        "link_expired": _("The payment link has run out"),
        "payment_link": _("The payment link"),
        "order": _("The order card"),
    }


def fact_words() -> dict[str, str]:
    return {
        "number": _("order number"),
        "sum": _("sum"),
        "stage": _("stage"),
        "name": _("recipient’s name"),
        "shop": _("name of the shop"),
        "link": _("payment link"),
    }


def _chosen_shape(session: Session, visit: Visit, account_id: int, listed: Sequence[Approved]) -> Shape:
    known = templates.choices(_account(session, visit, account_id).settings)
    names, facts = occasion_words(), fact_words()
    rows = []
    for occasion in templates.OCCASIONS:
        choice = known.get(occasion)
        gaps = choice.template.gaps() if choice is not None else []
        held = [*choice.facts, *[""] * len(gaps)] if choice is not None else []
        rows.append(
            {
                "name": occasion,
                "label": names[occasion],
                "value": choice.template.key if choice is not None else "",
                "text": choice.template.body if choice is not None else "",
                "gaps": [
                    {"name": f"{occasion}-{n}", "label": f"{{{{{gap}}}}}", "value": fact}
                    for n, (gap, fact) in enumerate(zip(gaps, held, strict=False))
                ],
            }
        )
    fillable = [each for each in listed if not each.picture]
    return {
        "url": f"/channels/{account_id}/templates",
        "rows": rows,
        "options": [{"value": "", "label": _("none: the notice waits for the buyer")}]
        + [{"value": each.key, "label": f"{each.name} · {each.language}"} for each in fillable],
        "facts": [{"value": name, "label": label} for name, label in facts.items()],
    }


def _choose(session: Session, visit: Visit, account_id: int, filled: Form, listed: Sequence[Approved]) -> None:
    """Gaps of a template that was just chosen begin with the facts in their order; the next save may change them."""
    account = _account(session, visit, account_id, lock=True)
    known, wanted = templates.choices(account.settings), {}
    for occasion in templates.OCCASIONS:
        if not filled[occasion]:
            continue
        template = _named(listed, filled[occasion])
        gaps = len(template.gaps())
        if template.picture:
            raise GapsToFill()
        before = known.get(occasion)
        if before is not None and before.template.key == template.key:
            facts = [filled[f"{occasion}-{n}"] for n in range(gaps)]
        else:
            facts = [templates.FACTS[n % len(templates.FACTS)] for n in range(gaps)]
        wanted[occasion] = Choice(template, tuple(fact for fact in facts if fact in templates.FACTS))
        if len(wanted[occasion].facts) != gaps:
            raise GapsToFill()
    templates.keep_choices(account, wanted)
