"""Whose a WhatsApp token is, whether all that was entered beside it fits together, and which templates there are.

Source: https://developers.facebook.com/docs/whatsapp/business-management-api (phone_numbers, message_templates),
https://developers.facebook.com/docs/graph-api/guides/secure-requests (appsecret_proof)
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from bot.channels.base import Broken, ChannelError, Rejected
from bot.channels.connecting import BadToken, ChannelSilent, Found, WrongValue
from bot.channels.whatsapp_calls import GONE, LACKS, Calls
from inbox.templates import Approved, gaps_of

NAME = "WhatsApp"

PATIENCE = 10.0

TOKEN = re.compile(r"[A-Za-z0-9._|-]{20,600}")
NUMBER = re.compile(r"\d{5,25}")
APP_SECRET = re.compile(r"[0-9a-f]{32}")
CATALOG = re.compile(r"\d{5,25}|")

MOST_PAGES = 10
"""Pages of templates that are read, of a hundred each."""


async def whose(token: str, api: str, more: Mapping[str, str]) -> Found:
    """`more` are {number, business, app_secret, catalog}. Raises BadToken, ChannelSilent, WrongValue with the name of
    the value that does not fit."""
    if not TOKEN.fullmatch(token):
        raise BadToken(NAME)
    given = {name: more.get(name, "").strip() for name in ("number", "business", "app_secret", "catalog")}
    shapes = {"number": NUMBER, "business": NUMBER, "app_secret": APP_SECRET, "catalog": CATALOG}
    for name, shape in shapes.items():
        if not shape.fullmatch(given[name]):
            raise WrongValue(NAME, name)
    calls = Calls(token, api)
    try:
        told = await _known(calls, given["number"], "number", {"fields": "display_phone_number,verified_name"})
        await _check_business(calls, given["business"], given["number"])
        await _check_app(calls, token, given)
        await _check_catalog(calls, given)
    finally:
        await calls.close()
    number = "".join(char for char in str(told.get("display_phone_number", "")) if char.isdigit())
    return Found(
        given["number"],
        str(told.get("verified_name") or told.get("display_phone_number") or "")[:120],
        number,
        secret={"app_secret": given["app_secret"]},
        settings={"business": given["business"], "catalog": given["catalog"]},
    )


async def _check_business(calls: Calls, business: str, number: str) -> None:
    """The number is one of the business account's."""
    told = await _known(calls, f"{business}/phone_numbers", "business", {"fields": "id", "limit": "100"})
    if number not in [str(each.get("id")) for each in told.get("data", ())]:
        raise WrongValue(NAME, "business")


async def _check_app(calls: Calls, token: str, given: Mapping[str, str]) -> None:
    """Graph refuses a proof that was not made with the secret of the token's own app."""
    proof = hmac.new(given["app_secret"].encode(), token.encode(), hashlib.sha256).hexdigest()
    await _known(calls, given["number"], "app_secret", {"fields": "id", "appsecret_proof": proof})


async def _check_catalog(calls: Calls, given: Mapping[str, str]) -> None:
    if not given["catalog"]:
        return
    told = await _known(calls, f"{given['business']}/product_catalogs", "catalog", {"fields": "id"})
    if given["catalog"] not in [str(each.get("id")) for each in told.get("data", ())]:
        raise WrongValue(NAME, "catalog")


async def _known(calls: Calls, path: str, value: str, query: Mapping[str, str]) -> dict[str, Any]:
    """What the API says of something that was entered. Raises WrongValue if it knows no such thing."""
    try:
        told: dict[str, Any] = await calls.get(path, query, patience=PATIENCE)
    except Broken as broken:
        if str(broken) in (GONE, LACKS):
            raise BadToken(NAME) from None
        raise WrongValue(NAME, value) from None
    except Rejected:
        raise WrongValue(NAME, value) from None
    except ChannelError:
        raise ChannelSilent(NAME) from None
    return told


async def templates(token: str, api: str, settings: Mapping[str, Any]) -> list[Approved]:
    """The approved templates of the account, in the order of their names. Raises BadToken, ChannelSilent."""
    calls, found, after = Calls(token, api, str(settings.get("version") or "")), [], ""
    query = {"fields": "name,language,status,category,components,parameter_format", "limit": "100"}
    try:
        for _ in range(MOST_PAGES):
            page = query | ({"after": after} if after else {})
            told = await calls.get(f"{settings.get('business')}/message_templates", page, patience=PATIENCE)
            found += [read_template(each) for each in told.get("data", ()) if each.get("status") == "APPROVED"]
            after = str((told.get("paging") or {}).get("cursors", {}).get("after", ""))
            if not after or not (told.get("paging") or {}).get("next"):
                break
    except (Broken, Rejected):
        raise BadToken(NAME) from None
    except ChannelError:
        raise ChannelSilent(NAME) from None
    finally:
        await calls.close()
    return sorted(filter(None, found), key=lambda each: each.key)


def read_template(told: Mapping[str, Any]) -> Approved | None:
    """A template in our words; None for one that we cannot fill (a video, a carousel, a code, a flow)."""
    parts: dict[str, Any] = {}
    for component in told.get("components") or ():
        kind, text = component.get("type"), str(component.get("text", ""))
        if kind == "BODY":
            parts["body"] = text
        elif kind == "FOOTER":
            parts["footer"] = text
        elif kind == "HEADER" and component.get("format", "TEXT") == "TEXT":
            parts["header"] = text
        elif kind == "HEADER" and component.get("format") == "IMAGE":
            parts["picture"] = True
        elif kind == "BUTTONS" and (buttons := _buttons(component.get("buttons") or ())) is not None:
            parts |= buttons
        else:
            return None
    named = told.get("parameter_format") == "NAMED"
    if named and gaps_of(str(parts.get("header", ""))):
        return None
    return Approved(str(told["name"]), str(told["language"]), str(told.get("category", "")), named=named, **parts)


def _buttons(told: Any) -> dict[str, Any] | None:
    """Labels, and the address of the first button if it has a gap; None for buttons that want more than that."""
    if any(button.get("type") not in ("QUICK_REPLY", "URL", "PHONE_NUMBER") for button in told):
        return None
    addresses = [str(button.get("url", "")) for button in told]
    if any(gaps_of(address) for address in addresses[1:]):
        return None
    labels = tuple(str(button.get("text", "")) for button in told)
    return {"buttons": labels, "link": addresses[0] if addresses else ""}
