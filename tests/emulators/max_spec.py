"""Checks objects against MAX's own schema: types, required fields, and no field that it does not know."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

SPEC = Path(__file__).resolve().parents[3] / "shared" / "specs" / "max" / "schema_2026_07_01.yaml"

TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}

NOT_SO = frozenset({"MessageBody.link", "Message.sender", "NewMessageBody.link", "NewMessageBody.attachments"})
"""Required by the schema of objects whose examples in the same schema are without."""


def needs_spec() -> None:
    """Skip the test where the schema is not at hand."""
    if not SPEC.exists():
        pytest.skip("MAX's schema lies beside the repository in ../shared/specs, which is absent here")


@cache
def spec() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(SPEC.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return loaded


def problems(value: object, name: str) -> list[str]:
    """Everything that is wrong with a value as this schema, in words; empty if nothing is."""
    return list(_problems(value, {"$ref": f"#/components/schemas/{name}"}, name))


def _problems(value: object, schema: dict[str, Any], path: str) -> list[str]:
    found = _flat(schema)
    if value is None:
        return [] if found.get("nullable") else [f"{path}: null"]
    if isinstance(value, dict) and (kinds := found.get("mapping")) and found["by"] in value:
        kind = kinds.get(value[found["by"]])
        if kind is None:
            return [f"{path}: no {found['by']} {value[found['by']]!r}"]
        if kind not in found["seen"]:
            return _problems(value, {"$ref": kind}, f"{path}({value[found['by']]})")
    # The schema calls some objects strings; what has properties is an object.
    kind = "object" if found["properties"] else found.get("type", "")
    if kind and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [f"{path}: {value!r} is no {kind}"]
    wrong = []
    if isinstance(value, list) and "items" in found:
        wrong += [each for n, item in enumerate(value) for each in _problems(item, found["items"], f"{path}[{n}]")]
    if isinstance(value, str) and found.get("maxLength", len(value)) < len(value):
        wrong.append(f"{path}: too long")
    if isinstance(value, dict) and found["properties"]:
        owner = found["name"]
        wrong += [f"{path}: unknown {key!r}" for key in value if key not in found["properties"]]
        wrong += [
            f"{path}: {key!r} is missing"
            for key in found["required"]
            if key not in value and f"{owner}.{key}" not in NOT_SO
        ]
        for key, item in value.items():
            if key in found["properties"] and not (item is None and f"{owner}.{key}" in NOT_SO):
                wrong += _problems(item, found["properties"][key], f"{path}.{key}")
    return wrong


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with what it refers to and inherits, as one."""
    found: dict[str, Any] = {"properties": {}, "required": set(), "seen": set(), "name": ""}
    _into(found, schema)
    return found


def _into(found: dict[str, Any], schema: dict[str, Any]) -> None:
    if (ref := schema.get("$ref")) is not None:
        found["seen"].add(ref)
        found["name"] = found["name"] or ref.rpartition("/")[2]
        _into(found, spec()["components"]["schemas"][ref.rpartition("/")[2]])
    for part in schema.get("allOf", ()):
        _into(found, part)
    found["properties"] |= schema.get("properties", {})
    if isinstance(schema.get("required"), list):
        found["required"] |= set(schema["required"])
    if "discriminator" in schema:
        found["by"] = schema["discriminator"]["propertyName"]
        mapping = schema["discriminator"]["mapping"]
        found["mapping"] = {kind: ref["$ref"] if isinstance(ref, dict) else ref for kind, ref in mapping.items()}
    for name in ("type", "items", "nullable", "maxLength"):
        if name in schema:
            found[name] = schema[name]
