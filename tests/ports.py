"""Ports for servers that must know their own before they start."""

from __future__ import annotations

import random
import socket

RANGE = (20_000, 32_000)
"""Below those from which systems take the near ends of connections, which would take it before the server does."""


def free_port(*beside: int) -> int:
    """One that was free a moment ago, as were those that lie so far behind it."""
    while True:
        port = random.randrange(*RANGE)
        if all(_is_free(port + offset) for offset in (0, *beside)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
