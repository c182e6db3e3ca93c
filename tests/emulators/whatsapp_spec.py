"""Checks calls, answers and webhooks of WhatsApp against Meta's own OpenAPI document of its Business Messaging API."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

SPEC = Path(__file__).resolve().parents[3] / "shared" / "specs" / "whatsapp" / "business-messaging-api_v23.0.yaml"

SAID = {
    "text": "TextMessage",
    "audio": "AudioMessage",
    "document": "DocumentMessage",
    "image": "ImageMessage",
    "video": "VideoMessage",
    "sticker": "StickerMessage",
    "interactive": "InteractiveMessage",
    "template": "TemplateMessage",
}
"""What a shop says, by type."""

ANSWERS = {
    ("POST", "messages"): "MessageResponsePayload",
    ("GET", "phone_numbers"): "WhatsAppBusinessAccountPhoneNumbersConnection",
    ("GET", "subscribed_apps"): "SubscribedAppsResponse",
    ("POST", "subscribed_apps"): "SubscriptionResponse",
}
"""What calls are answered with, by method and edge."""

HEARD = {
    "text": "TextMessage_2",
    "reaction": "ReactionMessage_1",
    "audio": "AudioMessage_1",
    "document": "DocumentMessage_1",
    "image": "ImageMessage_1",
    "sticker": "StickerMessage_1",
    "video": "VideoMessage_1",
    "location": "LocationMessage_1",
    "contacts": "ContactSharingMessage",
    "unsupported": "UnsupportedMessage",
    "button": "ButtonMessage",
    "interactive": "InteractiveMessageReply",
    "order": "OrderMessage",
}
"""What a person says. The document's own list of these leads to what shops say instead."""

ASTRAY = {"BaseMessageProperties": "BaseMessageProperties_1", "ErrorObject": "ErrorObject_2"}

LATER = frozenset({"cta_url"})
"""Kinds of interactive messages that the document leaves out; the guides describe them."""

IGNORED = frozenset({"additionalProperties", "discriminator", "example", "pattern", "format", "nullable"})
"""Not checked: fields that are said not to be there stand beside others of the same `allOf`, and a pattern for the
place of a button allows none that exists."""


def needs_spec() -> None:
    """Skip the test where the document is not at hand."""
    if not SPEC.exists():
        pytest.skip("Meta's document lies beside the repository in ../shared/specs, which is absent here")


@cache
def spec() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(SPEC.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return loaded


@cache
def _schemas() -> dict[str, Any]:
    schemas = _plain(spec()["components"]["schemas"])
    return {"components": {"schemas": schemas | {name: _led_right(schemas[name]) for name in HEARD.values()}}}


def _led_right(value: Any) -> Any:
    """What people say stands on what shops say, in a document that was put together of several: names led astray."""
    if isinstance(value, list):
        return [_led_right(each) for each in value]
    if not isinstance(value, dict):
        return value
    place, _, name = str(value.get("$ref", "")).rpartition("/")
    if name in ASTRAY:
        return {"$ref": f"{place}/{ASTRAY[name]}"}
    return {key: _led_right(each) for key, each in value.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _plain(each)
        for key, each in value.items()
        if key not in IGNORED or (key in ("format", "pattern", "example") and isinstance(each, dict))
    }


@cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", **_schemas()})


def problems(value: object, name: str) -> list[str]:
    """Everything that is wrong with a value as this schema has it."""
    return [f"{name}: {error.json_path}: {error.message[:200]}" for error in _validator(name).iter_errors(value)]


def said_problems(message: dict[str, Any]) -> list[str]:
    """What is wrong with a message that a shop sends."""
    if message.get("interactive", {}).get("type") in LATER:
        return []
    return problems(message, SAID[message["type"]])


def templates_problems(answer: dict[str, Any]) -> list[str]:
    """What is wrong with a page of templates, which the document describes where it is asked for."""
    told = spec()["paths"]["/{Version}/{WABA-ID}/message_templates"]["get"]["responses"]["200"]
    schema = _plain(told["content"]["application/json"]["schema"])
    errors = jsonschema.Draft202012Validator({**schema, **_schemas()}).iter_errors(answer)
    return [f"message_templates: {error.json_path}: {error.message[:200]}" for error in errors]


def hook_problems(body: dict[str, Any]) -> list[str]:
    """What is wrong with a call of Meta's."""
    found = problems({**body, "entry": []}, "WebhookPayload")
    for entry in body["entry"]:
        for change in entry["changes"]:
            value = change["value"]
            found += problems(value["metadata"], "Metadata")
            found += [each for contact in value.get("contacts", ()) for each in problems(contact, "ContactProfile")]
            found += [each for status in value.get("statuses", ()) for each in problems(status, "Statuses")]
            found += [each for one in value.get("messages", ()) for each in _heard_problems(one)]
    return found


def _heard_problems(message: dict[str, Any]) -> list[str]:
    """The document knows the context of a text only where a product is asked about; the guides know it of answers."""
    context = message.get("context", {})
    if message["type"] == "text" and "referred_product" not in context:
        message = {name: part for name, part in message.items() if name != "context"}
    return problems(message, HEARD[message["type"]])


def samples() -> dict[str, dict[str, Any]]:
    """The document's own examples of what Meta brings, by their titles."""
    content = spec()["paths"]["/whatsapp/webhooks"]["post"]["requestBody"]["content"]["application/json"]
    return {title: each["value"] for title, each in content["examples"].items()}
