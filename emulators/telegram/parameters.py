"""What a call brings: its parameters and files, whichever of the allowed ways they came.

Source: https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from aiohttp import web

from emulators.telegram.errors import ApiError, bad_request
from emulators.telegram.world import Json

_NAME = re.compile(rb'\bname="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_FILENAME = re.compile(rb'\bfilename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_EXTENDED_FILENAME = re.compile(rb"\bfilename\*=utf-8''([^\s;]+)", re.IGNORECASE)
_CONTENT_TYPE = re.compile(rb"^content-type:\s*([^\r\n;]+)", re.IGNORECASE | re.MULTILINE)
_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)

UPLOAD_LIMIT = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart body."""

    file_name: str
    mime_type: str
    content: bytes = field(repr=False)


@dataclass(slots=True)
class Parameters:
    """Named values with the readings that the real server gives them: "5" is 5, "true" is true, JSON may be text."""

    values: dict[str, Any]
    uploads: dict[str, Upload] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name, default)
        if isinstance(value, str):
            return value
        return default if value is None else orjson.dumps(value).decode()

    def integer(self, name: str, default: int = 0) -> int:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise bad_request(f"can't parse {name}: it must be an Integer") from None

    def number(self, name: str) -> float | None:
        try:
            return float(self.values[name])
        except (KeyError, TypeError, ValueError):
            return None

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        return value.lower() in ("true", "yes", "1") if isinstance(value, str) else bool(value)

    def json(self, name: str, what: str) -> Any:
        """A value that may be JSON text; None if absent. `what` names it in the refusal of bad JSON."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            raise bad_request(f"can't parse {what} JSON object") from None

    def json_object(self, name: str, what: str) -> Json | None:
        value = self.json(name, what)
        if value is not None and not isinstance(value, dict):
            raise bad_request(f"object expected as {what}")
        return value

    def json_list(self, name: str, what: str) -> list[Any] | None:
        value = self.json(name, what)
        if value is not None and not isinstance(value, list):
            raise bad_request(f"can't parse {what}: expected an Array")
        return value


async def read_parameters(request: web.Request) -> Parameters:
    """Query and body of a request. Raises ApiError when the body is not what its type says."""
    values: dict[str, Any] = dict(request.query) if request.query_string else {}
    uploads: dict[str, Upload] = {}
    try:
        body = await request.read() if request.body_exists else b""
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(413, "Request Entity Too Large") from None
    if not body:
        return Parameters(values)
    kind = request.content_type
    if kind == "application/json":
        values.update(_json_body(body))
    elif kind == "multipart/form-data":
        _read_multipart(body, request.headers.get("Content-Type", ""), values, uploads)
    elif kind == "application/x-www-form-urlencoded":
        values.update(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return Parameters(values, uploads)


def _json_body(body: bytes) -> Json:
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad_request("can't parse request: Can't parse JSON object") from None
    if not isinstance(values, dict):
        raise bad_request("can't parse request: JSON object expected")
    return values


def _read_multipart(body: bytes, content_type: str, values: dict[str, Any], uploads: dict[str, Upload]) -> None:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise bad_request("can't parse request: boundary is absent")
    for part in body.split(b"--" + boundary.group(1).encode())[1:-1]:
        head, blank_line, content = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not blank_line or name is None:
            raise bad_request("can't parse request: bad multipart body")
        content = content.removesuffix(b"\r\n")
        key = name.group(1).decode("utf-8", "replace")
        file_name = _file_name(head)
        if file_name is None:
            values[key] = content.decode("utf-8", "replace")
        else:
            mime_type = _CONTENT_TYPE.search(head)
            uploads[key] = Upload(file_name, mime_type.group(1).decode("latin-1").strip() if mime_type else "", content)


def _file_name(head: bytes) -> str | None:
    if b"filename" not in head:
        return None
    if extended := _EXTENDED_FILENAME.search(head):
        return unquote(extended.group(1).decode("latin-1"))
    if plain := _FILENAME.search(head):
        return unquote(plain.group(1).decode("utf-8", "replace"))
    return None
