"""Ports for servers that must know their own before they start."""

from __future__ import annotations

import random
import socket

RANGE = (20_000, 32_000)
"""Below those from which systems take the near ends of connections, which would take it before the server does."""


def free_port() -> int:
    """One that was free a moment ago."""
    while True:
        port = random.randrange(*RANGE)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
