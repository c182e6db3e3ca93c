from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

import orders.history  # noqa: F401  with it, create_all makes the triggers
from tests.orders.floor import Floor


@pytest.fixture
def floor(session: Session) -> Floor:
    return Floor(session)
