"""A code for another messenger, given at a customer's card."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers import passports
from customers.tables import Merge, Passport
from kit.clock import utc_now
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


async def test_the_timeline_tells_of_the_code_where_it_was_used_and_that_it_was_taken_back(desk: Desk) -> None:
    anna, operator = await Town(desk).anna(), await desk.signed_in(desk.ours.operator)

    async def told() -> list[str]:
        shown = (await operator.fragment(f"/customers/{anna}/timeline?kind=passport")).text
        return re.findall(r'class="strong cut"[^>]*>([^<]+)<', shown)

    assert await told() == []
    await operator.post(f"/customers/{anna}/passport", {})
    assert await told() == ["Дан код для другого мессенджера"]
    shown = (await operator.get(f"/customers/{anna}")).text
    assert shown.index("Дан код для другого мессенджера") < shown.index(desk.ours.operator.name, shown.index("Дан код"))

    def used(session: Session) -> None:
        passport = session.scalars(sa.select(Passport)).one()
        passport.used_at, passport.conversation_id = utc_now(), desk.ours.anna
        passport.customer_id, passport.actor = anna, f"customer:{anna}"

    def back(session: Session) -> None:
        passport = session.scalars(sa.select(Passport)).one()
        whose = f"customer:{anna}"
        merge = Merge(shop_id=desk.ours.shop_id, kept_id=anna, gone_id=anna, actor=whose, at=utc_now())
        merge.undone_at, merge.undone_by = utc_now(), whose
        session.add(merge)
        session.flush()
        passport.merge_id = merge.id

    await desk.db.write(used)
    assert await told() == ["Пришёл с кодом: Telegram", "Запросил код для другого мессенджера"]
    await desk.db.write(back)
    assert (await told())[0] == "«Это не я»: перенесённое с кодом возвращено"
