"""Buttons, lists, pages to open and goods under a message.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages#interactive-object
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emulators.telegram.world import Json
from emulators.whatsapp import wire
from emulators.whatsapp.cloud import Account, Cloud
from emulators.whatsapp.errors import ApiError, wrong

BUTTONS, LABEL, BUTTON_ID = 3, 20, 256
ROWS, TITLE, DESCRIPTION, ROW_ID = 10, 24, 72, 200
BODY, HEADER, FOOTER = 1024, 60, 60
PRODUCTS, SECTIONS = 30, 10
ABOVE = ("image", "video", "document")

Read = tuple[Json, Json]
FileOf = Callable[[Cloud, Account, Json, str], Json]


def interactive(account: Account, cloud: Cloud, part: Json, file_of: FileOf) -> Read:
    kind = str(part.get("type"))
    reader = {"button": _buttons, "list": _list, "cta_url": _page, "product": _product, "product_list": _products}.get(
        kind
    )
    if reader is None:
        raise ApiError(131009, f"interactive.type {kind}")
    body = str((part.get("body") or {}).get("text") or "")
    if not body.strip() and kind != "product":
        raise ApiError(131008, "interactive.body.text is required")
    if len(body) > BODY:
        raise wrong(f"interactive.body.text is longer than {BODY} characters")
    footer = str((part.get("footer") or {}).get("text") or "")
    if len(footer) > FOOTER:
        raise wrong(f"interactive.footer.text is longer than {FOOTER} characters")
    header, above = _header(account, cloud, part.get("header"), kind, file_of)
    if kind == "product_list" and not header.strip():
        raise ApiError(131008, "interactive.header.text is required")
    text = "\n\n".join(
        each for each in (f"*{header}*" if header else "", body, f"_{footer}_" if footer else "") if each
    )
    page, held = reader(account, part.get("action") or {})
    return {**above, **wire.words(text, below_file=bool(above)), **page}, held


def _header(account: Account, cloud: Cloud, header: Json | None, kind: str, file_of: FileOf) -> tuple[str, Json]:
    """(words, file) above the body."""
    if header is None:
        return "", {}
    what = header.get("type")
    if what == "text":
        text = str(header.get("text") or "")
        if len(text) > HEADER:
            raise wrong(f"interactive.header.text is longer than {HEADER} characters")
        return text, {}
    if what not in ABOVE or kind not in ("button", "cta_url"):
        raise wrong(f"interactive.header.type {what} is not allowed for {kind}")
    return "", file_of(cloud, account, header.get(what) or {}, what)


def _buttons(_account: Account, action: Json) -> Read:
    replies = [each.get("reply") or {} for each in action.get("buttons") or ()]
    if not 1 <= len(replies) <= BUTTONS:
        raise ApiError(131009, f"action.buttons: 1 to {BUTTONS} are allowed")
    titles = [str(reply.get("title") or "") for reply in replies]
    _check(titles, [str(reply.get("id") or "") for reply in replies], LABEL, BUTTON_ID)
    if len(set(titles)) != len(titles):
        raise ApiError(131009, "action.buttons: duplicated title")
    shown = [{"text": str(reply["title"]), "callback_data": str(reply["id"])} for reply in replies]
    held = {str(reply["id"]): {"kind": "button_reply", "title": str(reply["title"])} for reply in replies}
    return {"reply_markup": wire.inline(shown)}, {"buttons": held}


def _list(_account: Account, action: Json) -> Read:
    opens = str(action.get("button") or "")
    if not 1 <= len(opens) <= LABEL:
        raise ApiError(131009, f"action.button: 1 to {LABEL} characters")
    sections = action.get("sections") or []
    rows = [row for section in sections for row in section.get("rows") or ()]
    if not 1 <= len(rows) <= ROWS:
        raise ApiError(131009, f"action.sections: 1 to {ROWS} rows in all are allowed")
    if len(sections) > 1 and not all(section.get("title") for section in sections):
        raise ApiError(131009, "action.sections: titles are required")
    _check([str(row.get("title") or "") for row in rows], [str(row.get("id") or "") for row in rows], TITLE, ROW_ID)
    if any(len(str(row.get("description") or "")) > DESCRIPTION for row in rows):
        raise ApiError(131009, f"action.sections: descriptions of {DESCRIPTION} characters are allowed")
    shown = [{"text": wire.row_label(row), "callback_data": str(row["id"])} for row in rows]
    held = {
        str(row["id"]): {
            "kind": "list_reply",
            "title": str(row["title"]),
            "description": str(row.get("description", "")),
        }
        for row in rows
    }
    return {"reply_markup": wire.inline(shown), "list": opens}, {"buttons": held}


def _check(titles: Sequence[str], ids: Sequence[str], longest: int, longest_id: int) -> None:
    if not all(1 <= len(title) <= longest for title in titles):
        raise ApiError(131009, f"title: 1 to {longest} characters")
    if not all(1 <= len(name) <= longest_id for name in ids) or len(set(ids)) != len(ids):
        raise ApiError(131009, "id: missing, too long or duplicated")


def _page(_account: Account, action: Json) -> Read:
    parameters = action.get("parameters") or {}
    label, url = str(parameters.get("display_text") or ""), str(parameters.get("url") or "")
    if action.get("name") != "cta_url" or not 1 <= len(label) <= LABEL:
        raise ApiError(131009, f"action.parameters.display_text: 1 to {LABEL} characters")
    if not url.startswith(("http://", "https://")):
        raise ApiError(131009, "action.parameters.url is no address")
    return {"reply_markup": wire.inline([{"text": label, "url": url}])}, {}


def _product(account: Account, action: Json) -> Read:
    goods = _goods(account, action, [str(action.get("product_retailer_id") or "")])
    return {"goods": goods}, {}


def _products(account: Account, action: Json) -> Read:
    sections = action.get("sections") or []
    wanted = [
        str(item.get("product_retailer_id") or "")
        for section in sections
        for item in section.get("product_items") or ()
    ]
    if not 1 <= len(wanted) <= PRODUCTS or not 1 <= len(sections) <= SECTIONS:
        raise ApiError(131009, f"action.sections: 1 to {PRODUCTS} products in 1 to {SECTIONS} sections are allowed")
    titles = [str(section.get("title") or "") for section in sections]
    if any(len(title) > TITLE for title in titles) or (len(sections) > 1 and not all(titles)):
        raise ApiError(131009, f"action.sections: titles of 1 to {TITLE} characters are required")
    return {"goods": _goods(account, action, wanted), "goods_behind": True}, {}


def _goods(account: Account, action: Json, wanted: Sequence[str]) -> list[Json]:
    """What the page shows of goods of the number's catalogue. Raises 131009 for those that are not in it."""
    if not account.number.catalog or str(action.get("catalog_id")) != str(account.number.catalog):
        raise ApiError(131009, "action.catalog_id is not the number's catalogue")
    known = {retailer: (title, price, currency) for retailer, title, price, currency in account.number.goods}
    found = [(retailer, *known[retailer]) for retailer in wanted if retailer in known]
    if not found:
        raise ApiError(131009, "none of the products is in the catalogue")
    return [
        {"retailer": r, "title": title, "price": price, "currency": currency} for r, title, price, currency in found
    ]
