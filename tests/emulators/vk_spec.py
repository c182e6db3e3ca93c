"""Checks requests, answers and events against VK's own schema of its API (VKCOM/vk-api-schema)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

SCHEMA = Path(__file__).resolve().parents[3] / "shared" / "specs" / "vk" / "schema"

EVENTS = {
    "message_new": "callback/objects/callback_message_new",
    "message_reply": "messages/objects/messages_message",
    "message_edit": "messages/objects/messages_message",
    "message_allow": "callback/objects/callback_message_allow",
    "message_reaction_event": "callback/objects/callback_message_reaction_event",
    "message_deny": "callback/objects/callback_message_deny",
    "message_read": "callback/objects/callback_message_read",
}
"""What an event of this kind holds. That of message_event says that a payload is text, where it is an object."""

UNDESCRIBED = frozenset({"access_token", "v", "lang", "format_data"})
"""Parameters that the schema leaves out: those of every call, and one that came after it."""


def needs_schema() -> None:
    """Skip the test where the schema is not at hand."""
    if not SCHEMA.is_dir():
        pytest.skip("VK's schema lies beside the repository in ../shared/specs, which is absent here")


@cache
def _whole() -> dict[str, Any]:
    """Every definition under one roof, in words that a JSON Schema validator knows."""
    definitions: dict[str, Any] = {}
    for path in sorted(SCHEMA.glob("*/*.json")):
        if path.stem in ("objects", "responses"):
            told = json.loads(path.read_text())["definitions"]
            definitions |= {f"{path.parent.name}/{path.stem}/{name}": _plain(each) for name, each in told.items()}
    return {"definitions": definitions}


@cache
def _methods() -> dict[str, dict[str, Any]]:
    return {
        method["name"]: method
        for path in sorted(SCHEMA.glob("*/methods.json"))
        for method in json.loads(path.read_text())["methods"]
    }


def _plain(value: Any) -> Any:
    """VK says `required` in each property; JSON Schema lists them beside."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        section, _, place = str(value["$ref"]).removeprefix("../").partition(".json#/definitions/")
        return {"$ref": "#/definitions/" + f"{section}/{place}".replace("/", "~1")}
    plain = {key: _plain(each) for key, each in value.items() if key not in ("required", "discriminator")}
    needed = [
        name for name, each in value.get("properties", {}).items() if isinstance(each, dict) and each.get("required")
    ]
    return plain | ({"required": needed} if needed else {})


def problems(value: object, definition: str) -> list[str]:
    """Everything that is wrong with a value as this definition has it."""
    schema = {"$ref": "#/definitions/" + definition.replace("/", "~1"), **_whole()}
    return [f"{definition}: {error.json_path}: {error.message[:200]}" for error in _errors(schema, value)]


def _errors(schema: dict[str, Any], value: object) -> list[jsonschema.ValidationError]:
    return list(jsonschema.Draft7Validator(schema).iter_errors(value))


def answer_problems(method: str, parameters: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    """What is wrong with a call and with the answer that it got."""
    described = _methods()[method]
    known = {each["name"] for each in described.get("parameters", ())} | UNDESCRIBED
    found = [f"{method}: unknown parameter {name!r}" for name in parameters if name not in known]
    if "error" in answer:
        return found + _error_problems(answer["error"])
    responses = described["responses"]
    wanted = "extendedResponse" if str(parameters.get("extended", "")) in ("1", "true") else "response"
    if method == "messages.send":
        wanted = "userIdsResponse" if "peer_ids" in parameters else "deprecatedResponse"
    wanted = wanted if wanted in responses else "response"
    section, _, place = responses[wanted]["$ref"].removeprefix("../").partition(".json#/definitions/")
    return found + problems(answer, f"{section}/{place}")


def _error_problems(error: dict[str, Any]) -> list[str]:
    """An error says what it is, in a code that VK has, and repeats the call."""
    codes = {each["code"] for each in json.loads((SCHEMA / "errors.json").read_text())["errors"].values()}
    found = [] if error["error_code"] in codes else [f"unknown error {error['error_code']}"]
    return found + problems({"inner_type": "base_error", **error}, "base/objects/base_error")


def event_problems(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event that reaches a community."""
    envelope = {**event, "secret": event.get("secret", "")}
    found = problems(envelope, "callback/objects/callback_base") if event["type"] != "message_event" else []
    return found + (problems(event["object"], EVENTS[event["type"]]) if event["type"] in EVENTS else [])
