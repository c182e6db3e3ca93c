"""Checks objects against the machine-readable Bot API: types, required fields, and no field that it does not know."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs" / "telegram"
SIMPLE: dict[str, tuple[type, ...]] = {"Integer": (int,), "String": (str,), "Boolean": (bool,), "Float": (int, float)}


def needs_spec() -> None:
    """Skip the test where the specification is not at hand."""
    if not SPECS.is_dir():
        pytest.skip("the Bot API specification lies beside the repository in ../shared/specs, which is absent here")


@cache
def _api() -> dict[str, Any]:
    api: dict[str, Any] = json.loads((SPECS / "api_10.1.json").read_text())
    return api


def problems(value: object, type_name: str, path: str = "") -> list[str]:
    """Everything that is wrong with a value as this type of the Bot API, in words; empty if nothing is."""
    path = path or type_name
    if type_name.startswith("Array of "):
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no array"]
        return [
            each
            for place, item in enumerate(value)
            for each in problems(item, type_name.removeprefix("Array of "), f"{path}[{place}]")
        ]
    simple = SIMPLE.get(type_name)
    if simple:
        fits = isinstance(value, simple) and (type_name == "Boolean" or not isinstance(value, bool))
        return [] if fits else [f"{path}: {value!r} is no {type_name}"]
    return _object_problems(value, type_name, path)


def _object_problems(value: object, type_name: str, path: str) -> list[str]:
    described = _api()["types"][type_name]
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no {type_name}"]
    if subtypes := described.get("subtypes"):
        attempts = [problems(value, subtype, path) for subtype in subtypes]
        return min(attempts, key=len)
    fields = {field["name"]: field for field in described.get("fields", [])}
    found = [f"{path}: unknown field {name!r}" for name in value if name not in fields]
    for name, field in fields.items():
        if name in value:
            found += _choice_problems(value[name], field["types"], f"{path}.{name}") + _fixed_problems(
                value, field, path
            )
        elif field["required"]:
            found.append(f"{path}: no field {name!r}")
    return found


def _choice_problems(value: object, types: list[str], path: str) -> list[str]:
    return min((problems(value, each, path) for each in types), key=len)


def _fixed_problems(value: dict[str, Any], field: dict[str, Any], path: str) -> list[str]:
    """Kinds of union members are told only in prose: 'The member's status in the chat, always "kicked"'."""
    constant = field["description"].partition('always "')[2].partition('"')[0]
    if constant and value[field["name"]] != constant:
        return [f"{path}.{field['name']}: {value[field['name']]!r} is not {constant!r}"]
    return []


def answer_problems(method: str, answer: dict[str, Any]) -> list[str]:
    """What is wrong with the whole answer to this method."""
    if not answer["ok"]:
        known = {"ok", "error_code", "description", "parameters"}
        found = [f"unknown field {name!r}" for name in answer if name not in known]
        return found + problems(answer.get("parameters", {}), "ResponseParameters")
    described = {name.lower(): method for name, method in _api()["methods"].items()}[method.lower()]
    return _choice_problems(answer["result"], described["returns"], method)


def call_problems(method: str, parameters: set[str]) -> list[str]:
    """Parameters that this method does not have or that it misses."""
    fields = {field["name"]: field for field in _api()["methods"][method]["fields"]}
    return [f"{method}: unknown parameter {name!r}" for name in parameters - fields.keys()] + [
        f"{method}: no parameter {name!r}"
        for name, field in fields.items()
        if field["required"] and name not in parameters
    ]
