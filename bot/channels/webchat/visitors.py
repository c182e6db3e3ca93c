"""Who a visitor is: a random key that his browser keeps. Only its hash is known to us."""

from __future__ import annotations

import hashlib
import re
import secrets

_KEY = re.compile(r"^[A-Za-z0-9_-]{43}$")


def new_key() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def chat_of(key: str) -> str:
    """The chat of the visitor who holds this key; "" if it is no key of ours.

    A key that was never seen simply has no conversation yet, so nothing is stored until the visitor says something.
    """
    return hashlib.sha256(key.encode()).hexdigest() if _KEY.match(key) else ""
