"""Parts of pages that many people look at in the same moment are rendered once.

A row of the list, a card of the board, a message: what a macro makes of the same shape for readers of one language and
clock is the same text. When something happens in a shop, every open console fetches its list anew, and all but one of
the rows are as they were for whoever fetched it first.
"""

from __future__ import annotations

from typing import Any

import orjson
from markupsafe import Markup

from operator_console.texts import reader

SECONDS = 10
"""How long what was rendered is shown to others: a wait of "4 min" may be told so much too late."""

MOST = 4096
"""Parts that are kept at once."""


class Rendered:
    """What macros made in the last seconds. Call it with a macro and its arguments: `{{ once(message, m) }}`.

    The macro must look at nothing but its arguments and the reader's language, zone and clock. Arguments are shapes:
    what JSON can write, moments and money.
    """

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str, str, bytes], Markup] = {}
        self._moment = 0

    def __call__(self, macro: Any, *arguments: object) -> Markup:
        who = reader()
        moment = int(who.now.timestamp()) // SECONDS
        if moment != self._moment or len(self._parts) >= MOST:
            self._parts.clear()
            self._moment = moment
        key = (macro.name, who.language, str(who.zone), _written(arguments))
        known = self._parts.get(key)
        if known is None:
            known = self._parts[key] = Markup(macro(*arguments))  # noqa: S704 - what a macro gives is escaped already
        return known


def _written(arguments: tuple[object, ...]) -> bytes:
    """The same for the same shapes only. What is HTML already is not the text that reads like it."""
    return orjson.dumps(arguments, default=_named, option=orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_NON_STR_KEYS)


def _named(value: object) -> object:
    if isinstance(value, dict | list | tuple):
        return [type(value).__name__, list(value.items() if isinstance(value, dict) else value)]
    return [type(value).__name__, str(value)]
