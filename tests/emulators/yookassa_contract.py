"""Calls of the API against the official OpenAPI description, with unknown fields refused on both sides.

The description is not a part of this repository; where it is absent, the tests that need it are skipped.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from emulators.yookassa.faults import Call

SPEC = Path(__file__).parents[3] / "shared/specs/yookassa/openapi_official_en_2026-07-01.yaml"
PARTS = {"payments": "payment_id", "refunds": "refund_id", "receipts": "receipt_id"}


def check(calls: Iterable[Call], *, requests: bool = True) -> int:
    """Fail on the first call that the description does not allow; return how many were checked.

    `requests` False checks the answers alone: the SDK sends quantities as text, which the service takes all the same.
    """
    count = 0
    for call in calls:
        for side, problem in problems(call):
            if requests or side == "answer":
                pytest.fail(f"{call.method} {call.path} {call.status}, {side}: {problem}")
        count += 1
    return count


def problems(call: Call) -> list[tuple[str, str]]:
    """What is wrong with the request (only of answered calls that succeeded) and with the answer."""
    operation = description()["paths"][template(call.path)][call.method.lower()]
    found: list[tuple[str, str]] = []
    if call.status == 200 and "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        found += [("request", text) for text in faults_in(call.body, schema)]
    if call.status in (200, 400, 401, 403, 404):
        answer = operation["responses"].get(str(call.status), {"$ref": "#/components/responses/BadRequest"})
        if "$ref" in answer:
            answer = description()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        schema = answer["content"]["application/json"]["schema"]
        found += [("answer", text) for text in faults_in(call.answer, schema)]
    return found


def template(path: str) -> str:
    """/v3/payments/2d0…/capture as the description has it: /payments/{payment_id}/capture."""
    parts = path.removeprefix("/v3/").split("/")
    if len(parts) > 1:
        parts[1] = "{" + PARTS[parts[0]] + "}"
    return "/" + "/".join(parts)


def faults_in(value: Any, schema: dict[str, Any]) -> list[str]:
    whole = {**closed(schema), "components": description()["components"]}
    validator = Draft202012Validator(whole, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


@functools.cache
def description() -> dict[str, Any]:
    """The description as JSON Schema 2020-12: choices by discriminator, and no unknown fields anywhere."""
    if not SPEC.exists():
        pytest.skip("the official OpenAPI description is not here (../shared/specs/yookassa)")
    raw = yaml.load(SPEC.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    names: dict[str, str] = {}
    for schema in raw["components"]["schemas"].values():
        for value, ref in schema.get("discriminator", {}).get("mapping", {}).items():
            names[ref] = value
    modern = modernised(raw, names)
    assert isinstance(modern, dict)
    return modern


def modernised(node: Any, names: dict[str, str]) -> Any:
    """OpenAPI 3.0 schema dialect to JSON Schema: nullable, oneOf with a discriminator, closed objects."""
    if isinstance(node, list):
        return [modernised(element, names) for element in node]
    if not isinstance(node, dict):
        return node
    fresh = {key: modernised(value, names) for key, value in node.items() if key != "discriminator"}
    if "discriminator" in node and "oneOf" in node:
        field = node["discriminator"]["propertyName"]
        refs = [choice["$ref"] for choice in fresh.pop("oneOf")]
        fresh["allOf"] = [{"if": {"properties": {field: {"const": names[ref]}}}, "then": {"$ref": ref}} for ref in refs]
    if fresh.pop("nullable", False) is True:
        fresh["type"] = [fresh["type"], "null"]
    if isinstance(fresh.get("properties"), dict):
        fresh["properties"] = {name: closed(schema) for name, schema in fresh["properties"].items()}
    if isinstance(fresh.get("items"), dict):
        fresh["items"] = closed(fresh["items"])
    return fresh


def closed(schema: Any) -> Any:
    """The schema without room for fields that it does not name."""
    if not isinstance(schema, dict) or schema.get("type") in ("string", "boolean", "number", "integer", "array"):
        return schema
    return {"allOf": [schema], "unevaluatedProperties": False}
