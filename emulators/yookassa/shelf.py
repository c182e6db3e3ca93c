"""A folder of JSON files, one an object, so that a demo keeps its payments over a restart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


class Shelf:
    """Objects by kind and id. Without a folder it keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._adapters: dict[type, TypeAdapter[Any]] = {}

    def put(self, kind: str, name: str, value: object) -> None:
        """Write or replace one object; a crash leaves the old one or the new one, never half of one."""
        if self._folder is None:
            return
        place = self._folder / kind
        place.mkdir(parents=True, exist_ok=True)
        fresh = place / f".{name}.new"
        fresh.write_bytes(self._adapter(type(value)).dump_json(value))
        os.replace(fresh, place / f"{name}.json")

    def all(self, kind: str, shape: type[T]) -> Iterator[T]:
        """Every object of the kind, in the order of their names."""
        if self._folder is None:
            return
        adapter: TypeAdapter[T] = self._adapter(shape)
        for path in sorted((self._folder / kind).glob("*.json")):
            yield adapter.validate_json(path.read_bytes())

    def _adapter(self, shape: type) -> TypeAdapter[Any]:
        if shape not in self._adapters:
            self._adapters[shape] = TypeAdapter(shape)
        return self._adapters[shape]
