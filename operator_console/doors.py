"""The shop's channels as links that open them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from inbox import opening
from operator_console.people import Shape


def doors(session: Session, shop_id: int, start: str) -> list[Shape]:
    """[{channel, name, url}]; each starts its bot with this word."""
    return [
        {"channel": row.channel, "name": row.name, "url": url} for row, url in opening.links(session, shop_id, start)
    ]
