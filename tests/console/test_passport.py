"""A code for another messenger, given at a customer's card."""

from __future__ import annotations

import re

import sqlalchemy as sa

from customers import passports
from customers.tables import Passport
from tests.console.desk import Desk
from tests.console.test_customers import Town


async def test_an_operator_gives_a_customer_a_code(desk: Desk) -> None:
    anna, operator = await Town(desk).anna(), await desk.signed_in(desk.ours.operator)
    assert "Код для другого мессенджера" in (await operator.get(f"/customers/{anna}")).text
    told = (await operator.post(f"/customers/{anna}/passport", {})).text
    (code,) = set(re.findall(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b", told))
    kept = await desk.db.read(lambda session: session.scalars(sa.select(Passport)).one())
    assert (kept.customer_id, kept.actor) == (anna, f"staff:{desk.ours.operator.id}")
    assert passports.code_in(code) == code.replace("-", "")
