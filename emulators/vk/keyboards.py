"""Keyboards, carousels and formatting, checked as VK checks them.

Source: https://dev.vk.com/api/bots/development/keyboard, https://dev.vk.com/api/bots/development/templates,
https://dev.vk.com/reference/objects/message#format_data
"""

from __future__ import annotations

from typing import Any

import orjson

from emulators.telegram.world import Json
from emulators.vk.errors import ApiError, wrong

LABEL, PAYLOAD = 40, 255
ROW = 5
INLINE_ROWS, INLINE_BUTTONS = 6, 10
KEYBOARD_ROWS, KEYBOARD_BUTTONS = 10, 40
ELEMENTS, ELEMENT_BUTTONS = 10, 3
TITLE, DESCRIPTION = 80, 80
CLICKS = frozenset({"open_link", "open_photo"})
ACTIONS = frozenset({"text", "open_link", "location", "vkpay", "open_app", "callback"})
COLOURS = frozenset({"primary", "secondary", "negative", "positive"})
STYLES = frozenset({"bold", "italic", "underline", "url"})


def _bad(words: str) -> ApiError:
    return ApiError(911, words)


def read_keyboard(text: str) -> Json | None:
    """A keyboard as messages.send takes it; None if there is none. Raises error 911."""
    if not text:
        return None
    keyboard = _object(text, _bad("not a JSON object"))
    rows = keyboard.get("buttons")
    if not isinstance(rows, list):
        raise _bad("buttons should be an array")
    inline = bool(keyboard.get("inline"))
    if inline and keyboard.get("one_time"):
        raise _bad("inline keyboard can not be one_time")
    most_rows, most = (INLINE_ROWS, INLINE_BUTTONS) if inline else (KEYBOARD_ROWS, KEYBOARD_BUTTONS)
    if len(rows) > most_rows:
        raise _bad(f"there are too many rows, {most_rows} allowed")
    if sum(len(row) for row in rows if isinstance(row, list)) > most:
        raise _bad(f"there are too many buttons, {most} allowed")
    for row in rows:
        if not isinstance(row, list) or not 1 <= len(row) <= ROW:
            raise _bad(f"a row should have from 1 to {ROW} buttons")
        for button in row:
            _check_button(button)
    kept = [[{**button, "action": _without_nothing(button["action"])} for button in row] for row in rows]
    return {"one_time": bool(keyboard.get("one_time")), "inline": inline, "buttons": kept}


def _without_nothing(action: Json) -> Json:
    return {name: value for name, value in action.items() if value is not None}


def _check_button(button: Any) -> None:
    action = button.get("action") if isinstance(button, dict) else None
    if not isinstance(action, dict) or action.get("type") not in ACTIONS:
        raise _bad("button.action.type is not allowed")
    if button.get("color", "secondary") not in COLOURS:
        raise _bad("button.color is not allowed")
    if "color" in button and action["type"] not in ("text", "callback"):
        raise _bad("button.color is allowed for text and callback only")
    if action["type"] in ("text", "callback", "open_link"):
        label = action.get("label")
        if not isinstance(label, str) or not label:
            raise _bad("button.action.label should not be empty")
        if len(label) > LABEL:
            raise _bad(f"button.action.label should be no longer than {LABEL}")
    if action["type"] == "open_link" and not str(action.get("link", "")).startswith(("http://", "https://")):
        raise _bad("button.action.link is invalid")
    payload = action.get("payload")
    if payload is not None:
        written = payload if isinstance(payload, str) else orjson.dumps(payload).decode()
        if len(written) > PAYLOAD:
            raise _bad(f"button.action.payload should be no longer than {PAYLOAD}")
        try:
            orjson.loads(written)
        except orjson.JSONDecodeError:
            raise _bad("button.action.payload should be JSON") from None


def read_template(text: str) -> Json | None:
    """A carousel; None if there is none. Raises error 100."""
    if not text:
        return None
    template = _object(text, wrong("template is not a JSON object"))
    elements = template.get("elements")
    if template.get("type") != "carousel" or not isinstance(elements, list) or not 1 <= len(elements) <= ELEMENTS:
        raise wrong(f"template should be a carousel of 1 to {ELEMENTS} elements")
    alike = {
        (len(each.get("buttons", ())), *(name in each for name in ("photo_id", "title", "description", "action")))
        for each in elements
        if isinstance(each, dict)
    }
    if len(alike) != 1:
        raise wrong("template elements should have the same set of fields")
    for each in elements:
        if not isinstance(each, dict):
            raise wrong("template element should be an object")
        if not (each.get("photo_id") or each.get("title")):
            raise wrong("template element should have a photo or a title")
        if each.get("title") and not each.get("description"):
            raise wrong("template element with a title should have a description")
        if len(each.get("title", "")) > TITLE or len(each.get("description", "")) > DESCRIPTION:
            raise wrong(f"template element title and description should be no longer than {TITLE}")
        if not 1 <= len(each.get("buttons", ())) <= ELEMENT_BUTTONS:
            raise wrong(f"template element should have from 1 to {ELEMENT_BUTTONS} buttons")
        click = each.get("action", {"type": "open_link", "link": "https://vk.com"})
        if not isinstance(click, dict) or click.get("type") not in CLICKS:
            raise wrong("template element action type is invalid")
        if (click["type"] == "open_photo" and not each.get("photo_id")) or (
            click["type"] == "open_link" and not str(click.get("link", "")).startswith(("http://", "https://"))
        ):
            raise wrong("template element action leads nowhere")
        for button in each["buttons"]:
            _check_button(button)
    kept = [
        {
            **each,
            "buttons": [{**button, "action": _without_nothing(button["action"])} for button in each["buttons"]],
        }
        for each in elements
    ]
    return {"type": "carousel", "elements": kept}


def read_format(text: str, message: str) -> Json | None:
    """Formatting; offsets and lengths count UTF-16 units. Raises error 100."""
    if not text:
        return None
    told = _object(text, wrong("format_data contains incorrect JSON"))
    items = told.get("items")
    if str(told.get("version")) != "1" or not isinstance(items, list):
        raise wrong("format_data contains incorrect JSON")
    units = len(message.encode("utf-16-le")) // 2
    for item in items:
        if not isinstance(item, dict) or item.get("type") not in STYLES:
            raise wrong("format_data item type is invalid")
        offset, length = item.get("offset"), item.get("length")
        if not isinstance(offset, int) or not isinstance(length, int) or length < 1 or offset + length > units:
            raise wrong("format_data item is out of the text")
        if item["type"] == "url" and not item.get("url"):
            raise wrong("format_data item has no url")
    return {"version": "1", "items": items}


def _object(text: str, refusal: ApiError) -> Json:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise refusal from None
    if not isinstance(value, dict):
        raise refusal
    return value


def payload_of(action: Json) -> str:
    """A button's payload as text; "" without one."""
    payload = action.get("payload")
    if payload is None:
        return ""
    return payload if isinstance(payload, str) else orjson.dumps(payload).decode()
