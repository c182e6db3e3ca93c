"""Consents in the console: written down by an operator, seen beside the conversation, in the list and in its file."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy.orm import Session

from company import settings, shops
from customers import consents
from customers.tables import Consent
from tests.console.desk import Desk
from tests.console.test_customers import Town, names


@pytest.fixture
def town(desk: Desk) -> Town:
    return Town(desk)


async def kept(desk: Desk, customer_id: int) -> list[tuple[str, bool, str, str]]:
    rows: list[Consent] = await desk.db.read(consents.history, customer_id)
    return [(row.what, row.given, row.reason, row.actor) for row in rows]


async def test_an_operator_writes_down_what_the_customer_said(desk: Desk, town: Town) -> None:
    anna, operator = await town.anna(), await desk.signed_in(desk.ours.operator)
    here = f"/customers/{anna}/consents"
    assert "Рассылки: не спрашивали" in (await operator.fragment(f"/inbox/{desk.ours.anna}/context")).text
    given = await operator.post(here, {"what": "marketing", "given": "1", "reason": "сказала по телефону"})
    assert "сказала по телефону" in given.text
    assert "Можно писать первыми" in given.text
    assert "Рассылки: дано" in (await operator.fragment(f"/inbox/{desk.ours.anna}/context")).text
    taken = await operator.post(here, {"what": "marketing", "given": "0", "reason": "просила не писать"})
    assert "первыми с предложениями писать нельзя" in taken.text
    actor = f"staff:{desk.ours.operator.id}"
    assert await kept(desk, anna) == [
        ("marketing", False, "просила не писать", actor),
        ("marketing", True, "сказала по телефону", actor),
    ]
    card = (await operator.get(f"/customers/{anna}")).text
    assert card.index("просила не писать") < card.index("сказала по телефону")
    happened = (await operator.fragment(f"/customers/{anna}/timeline?kind=consent")).text
    assert happened.count("Рассылки:") == 2


async def test_without_a_reason_nothing_is_written_down(desk: Desk, town: Town) -> None:
    anna, operator = await town.anna(), await desk.signed_in(desk.ours.operator)
    answer = await operator.post(f"/customers/{anna}/consents", {"what": "marketing", "given": "1", "reason": " "})
    assert (answer.status, "откуда это известно" in answer.text) == (409, True)
    unknown = await operator.post(f"/customers/{anna}/consents", {"what": "soul", "given": "1", "reason": "сам"})
    assert unknown.status == 404
    assert await kept(desk, anna) == []


async def test_the_list_and_its_file_tell_whom_the_shop_may_write_to(desk: Desk, town: Town) -> None:
    anna, owner = await town.anna(), await desk.signed_in(desk.ours.owner)
    await town.card("Пётр")
    await owner.post(f"/customers/{anna}/consents", {"what": "marketing", "given": "1", "reason": "в анкете"})
    assert names((await owner.fragment("/customers?mailing=yes")).text) == ["Анна Ветрова"]
    assert names((await owner.fragment("/customers?mailing=no")).text) == ["Пётр"]
    text = (await owner.get("/customers/export?format=csv")).body.decode("utf-8-sig")
    rows = {row["Имя"]: row for row in csv.DictReader(io.StringIO(text), delimiter=";")}
    assert [rows[name]["Рассылки"] for name in ("Анна Ветрова", "Пётр")] == ["дано", "не спрашивали"]


async def test_the_words_of_the_checkout_are_the_owners(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    words = "Оформляя заказ, вы соглашаетесь на обработку персональных данных."
    assert (await owner.post("/settings/consent", {"consent_ru": words, "consent_en": ""})).status == 204
    assert words in (await owner.get("/settings")).text

    def read(session: Session) -> tuple[str, str]:
        rules = settings.of(shops.get(session, desk.ours.shop_id))
        return rules.consent.to("ru"), rules.consent.to("en")

    assert await desk.db.read(read) == (words, words)
    refused = await owner.post("/settings/consent", {"consent_ru": "а" * 1001})
    assert refused.status == 409
    assert await desk.db.read(read) == (words, words)
