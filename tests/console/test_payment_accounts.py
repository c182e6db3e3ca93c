"""Connecting YooKassa in the settings, on its emulator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy.orm import Session

from company import settings, shops
from emulators.yookassa import Shop as Merchant
from emulators.yookassa import YooKassaEmulator
from kit.secrets import SecretBox
from payments import accounts
from payments.tables import PaymentAccount
from tests.console.desk import KEY as SEAL
from tests.console.desk import Browser, Desk

NUMBER, KEY = "100778", "test_key-of-nobody-real-1234567890"


@pytest_asyncio.fixture
async def bank(desk: Desk) -> AsyncIterator[YooKassaEmulator]:
    """YooKassa, where the shop's other account is reached already."""
    bank = YooKassaEmulator([Merchant(NUMBER, KEY, test=True), Merchant("100779", "test_another-key-of-nobody")])
    await bank.start()

    def reach(session: Session) -> None:
        accounts.online(session, desk.ours.shop_id).settings = {"api": bank.api_url}

    await desk.db.write(reach)
    yield bank
    await bank.stop()


async def connect(browser: Browser, number: str, key: str) -> tuple[int, str]:
    answer = await browser.post("/settings/yookassa", {"shop_id": number, "secret_key": key})
    return answer.status, answer.text


async def newest(desk: Desk) -> PaymentAccount:
    return await desk.db.read(lambda session: accounts.of_shop(session, desk.ours.shop_id)[-1])


async def test_an_account_is_checked_and_kept_sealed(desk: Desk, bank: YooKassaEmulator) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    assert (await connect(owner, NUMBER, KEY))[0] == 204
    made = await newest(desk)
    assert (made.external_id, made.test, made.active) == (NUMBER, True, True)
    assert KEY not in (made.secret or "")
    assert SecretBox(SEAL).open(made.secret or "") == KEY
    page = (await owner.get("/settings")).text
    assert KEY not in page
    assert f"/hooks/yookassa/{made.id}" in page
    assert "отмечается вручную" in page
    assert ">manual" not in page
    assert (await connect(owner, NUMBER, KEY))[0] == 409, "it is connected already"


async def test_what_yookassa_does_not_know_is_not_kept(desk: Desk, bank: YooKassaEmulator) -> None:
    owner, before = await desk.signed_in(desk.ours.owner), (await newest(desk)).id
    for number, key in ((NUMBER, "test_wrong-key-of-nobody"), ("555555", KEY), ("abc", KEY), (NUMBER, "")):
        status, words = await connect(owner, number, key)
        assert status == 409, (number, key)
        assert "кабинет" in words
        assert not key or key not in words
    assert (await newest(desk)).id == before


async def test_a_bank_that_does_not_answer_is_said(desk: Desk, bank: YooKassaEmulator) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    await bank.stop()
    status, words = await connect(owner, NUMBER, KEY)
    assert (status, "не ответила" in words) == (409, True)


async def test_a_key_is_changed_for_one_of_the_same_shop(desk: Desk, bank: YooKassaEmulator) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    await connect(owner, NUMBER, KEY)
    made = await newest(desk)
    path = f"/payment-accounts/{made.id}/key"
    assert (await owner.post(path, {"secret_key": "test_another-key-of-nobody"})).status == 409
    assert SecretBox(SEAL).open((await newest(desk)).secret or "") == KEY
    assert (await owner.post(path, {"secret_key": KEY})).status == 204


async def test_an_account_is_switched_off_and_on(desk: Desk, bank: YooKassaEmulator) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    await connect(owner, NUMBER, KEY)
    made = await newest(desk)
    for on in ("0", "1"):
        assert (await owner.post(f"/payment-accounts/{made.id}/switch", {"on": on})).status == 204
        assert (await newest(desk)).active is (on == "1")


async def test_an_operator_connects_nothing(desk: Desk, bank: YooKassaEmulator) -> None:
    operator = await desk.signed_in(desk.ours.operator)
    assert (await connect(operator, NUMBER, KEY))[0] == 403


async def test_an_owner_says_whether_receipts_are_sent_and_what_stands_in_them(
    desk: Desk, bank: YooKassaEmulator
) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    await connect(owner, NUMBER, KEY)
    account = await newest(desk)
    warning = "без данных чека она не принимает ссылки"
    assert warning not in (await owner.get("/settings")).text
    await desk.db.write(lambda session: accounts.set_up(session, accounts.get(session, account.id), receipts=True))
    assert (await owner.post(f"/payment-accounts/{account.id}/receipts", {})).status == 204
    assert (await newest(desk)).settings["send_receipts"] is False
    assert warning in (await owner.get("/settings")).text
    await owner.post(f"/payment-accounts/{account.id}/receipts", {"on": "1"})
    assert (await newest(desk)).settings["send_receipts"] is True
    assert warning not in (await owner.get("/settings")).text
    assert (await owner.post("/settings/receipts", {"vat_code": "11", "tax_system": "2"})).toast == "Сохранено"
    for wrong in ({"vat_code": "13", "tax_system": ""}, {"vat_code": "1", "tax_system": "4"}, {"vat_code": "4"}):
        assert (await owner.post("/settings/receipts", wrong)).status == 409
    rules = await desk.db.read(lambda session: settings.of(shops.get(session, desk.ours.shop_id)).receipts)
    assert (rules.vat_code, rules.tax_system, rules.payment_mode) == (11, 2, "full_payment")
