"""What must not be read in a log: secrets, addresses that are secrets, and characters that forge or hide lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

SHORTEST = 8
"""A known secret of fewer characters would be found in innocent words."""

_NAMES = (
    r"(?:access|bot|secret|csrf|webhook)?[_-]?(?:token|secret|password|passwd|cookie|csrf|authorization)|"
    r"(?:api|secret)[_-]?key|set-cookie"
)
_SHAPES = re.compile(
    r"""
      (?P<bot> (?<!\d)\d{5,20}:[A-Za-z0-9_-]{20,} )
    | (?P<key> \b(?:live|test|sk|pk|rk)_(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{20,} )
    | (?P<sign> \b(?:Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{8,} )
    | (?P<login> (?<=://)[^\s/@:]*:[^\s/@]+(?=@) )
    | (?P<path> (?<=/p/)[A-Za-z0-9_-]{16,} | (?<=/files/)[A-Za-z0-9_-]{16,} )
    | (?P<mail> [\w.+-]+@[\w-]+(?:\.[\w-]+)+ )
    | (?P<phone> (?<![\w+])\+\d[\d ()-]{8,17}\d )
    | (?P<name> (?i:\b(?:"""
    + _NAMES
    + r""")\b)["']?\s*[:=]\s* ) (?P<value> "[^"]*" | '[^']*' | (?:(?:Basic|Bearer)\s+)?[^\s,;&)}\]]+ )
    """,
    re.VERBOSE,
)

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""Line ends, terminal commands, and marks that turn the direction of a line."""
_CONTROLS |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


class Redactor:
    """Takes secrets out of a text: those that it was told, and whatever has a secret's shape."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        told = sorted({secret for secret in known if len(secret) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, told))) if told else None

    def clean(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub("<secret>", text)
        return redact(text)


def redact(text: str) -> str:
    """The text without what looks like a token, key, password, cookie, e-mail or telephone number."""
    return _SHAPES.sub(_instead, text)


def one_line(text: str) -> str:
    """The text with every control character written out, so that no name can forge a line or move a cursor."""
    return text.translate(_CONTROLS)


def _instead(match: re.Match[str]) -> str:
    if match["name"]:
        return f"{match['name']}<secret>"
    return {"mail": "<e-mail>", "phone": "<phone>"}.get(match.lastgroup or "", "<secret>")
