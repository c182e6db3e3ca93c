"""Text in the two languages of the demo shop, and where its data files lie."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Words:
    ru: str
    en: str

    def of(self, language: str) -> str:
        """The text for a language code such as "ru" or "en-GB"; what is not Russian gets English."""
        return self.ru if language.startswith("ru") else self.en


@cache
def data(name: str) -> dict[str, Any]:
    """One TOML file of the demo shop. Its callers turn it into values at once."""
    return tomllib.loads((DATA / name).read_text(encoding="utf-8"))
