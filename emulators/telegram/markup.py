"""Keyboards: what `reply_markup` may hold, and what each button of it looks like on the wire."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from emulators.telegram.errors import ApiError, bad_request
from emulators.telegram.parameters import Parameters
from emulators.telegram.world import Chat, Json

BUTTON_LOOKS = ("icon_custom_emoji_id", "style")
INLINE_ACTIONS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)
KEYBOARD_ACTIONS = (
    "request_users",
    "request_chat",
    "request_managed_bot",
    "request_contact",
    "request_location",
    "request_poll",
    "web_app",
)
KEYBOARD_OPTIONS = ("is_persistent", "resize_keyboard", "one_time_keyboard", "input_field_placeholder", "selective")
STYLES = ("danger", "success", "primary")
CALLBACK_DATA_LIMIT = 64


def read_markup(parameters: Parameters) -> Json | None:
    """The checked `reply_markup`: one of inline_keyboard, keyboard, remove_keyboard, force_reply; None if not given."""
    given = parameters.json_object("reply_markup", "reply markup")
    if given is None:
        return None
    if "inline_keyboard" in given:
        return {"inline_keyboard": _rows(given["inline_keyboard"], "inline keyboard", _inline_button)}
    if "keyboard" in given:
        options = {key: given[key] for key in KEYBOARD_OPTIONS if key in given}
        return {"keyboard": _rows(given["keyboard"], "keyboard", _keyboard_button), **options}
    if given.get("remove_keyboard"):
        return {"remove_keyboard": True}
    if given.get("force_reply"):
        return {
            "force_reply": True,
            **{key: given[key] for key in ("input_field_placeholder", "selective") if key in given},
        }
    return None


def read_inline_markup(parameters: Parameters) -> Json | None:
    """The same for edits, which take inline keyboards only; None if there is to be no keyboard."""
    markup = read_markup(parameters)
    if markup is not None and "inline_keyboard" not in markup:
        raise bad_request("inline keyboard expected")
    return markup if markup and markup["inline_keyboard"] else None


def apply_to_phone(chat: Chat, markup: Json | None, message_id: int) -> None:
    """Show, change or take away the reply keyboard on the person's phone."""
    if markup is None or "inline_keyboard" in markup:
        return
    chat.show_keyboard(None if "remove_keyboard" in markup else markup, message_id)


def _rows(rows: Any, what: str, button: Any) -> list[list[Json]]:
    if not isinstance(rows, list):
        raise bad_request(f'can\'t parse {what} markup JSON object: Field "{what.replace(" ", "_")}" must be an Array')
    checked = []
    for row in rows:
        if not isinstance(row, list):
            raise bad_request(f"can't parse {what} markup JSON object: expected an Array of Array")
        if row:
            checked.append([button(each) for each in row])
    return checked


def _inline_button(given: Any) -> Json:
    if not isinstance(given, dict):
        raise bad_request("can't parse inline keyboard button: Inline keyboard button must be an Object")
    shown = _label(given, "inline keyboard button")
    action = next((key for key in INLINE_ACTIONS if given.get(key) is not None), None)
    if action is None:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    value = given[action]
    if action == "callback_data" and not 1 <= len(str(value).encode()) <= CALLBACK_DATA_LIMIT:
        raise bad_request("BUTTON_DATA_INVALID")
    if action == "url":
        _check_address(str(value))
    shown[action] = value
    return shown


def _keyboard_button(given: Any) -> Json:
    if isinstance(given, str):
        return {"text": given}
    if not isinstance(given, dict):
        raise bad_request("can't parse keyboard button: KeyboardButton must be an Object")
    shown = _label(given, "keyboard button")
    shown.update({key: given[key] for key in KEYBOARD_ACTIONS if given.get(key)})
    return shown


def _label(given: Json, what: str) -> Json:
    text = given.get("text")
    if not isinstance(text, str):
        raise bad_request(f"can't parse {what}: Can't find field \"text\"")
    if not text.strip():
        raise bad_request(f"{what} text is empty") if what.startswith("inline") else _empty_label()
    if given.get("style") not in (None, *STYLES):
        raise bad_request(f"can't parse {what}: invalid button style specified")
    return {"text": text, **{key: given[key] for key in BUTTON_LOOKS if given.get(key)}}


def _empty_label() -> ApiError:
    return bad_request("keyboard button text must be non-empty")


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "tg", "ton") or not (parts.netloc or parts.path):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
