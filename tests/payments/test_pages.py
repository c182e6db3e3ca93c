"""What a buyer sees behind the payment link, at each turn of events."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from customers.tables import Customer
from emulators.yookassa.faults import Fault
from payments import accounts, charging
from payments.states import State
from payments.tables import Payment
from tests.payments.till import MERCHANT, Till


async def test_a_link_leads_to_the_provider(till: Till) -> None:
    payment = await till.link(await till.order())
    assert await till.opens(payment) == (302, payment.confirmation_url)


async def test_a_link_may_be_opened_before_the_provider_has_answered(till: Till) -> None:
    till.bank.network.latency = 0.5
    payment = await till.do(charging.request, await till.order(), actor="bot")
    status, where = await till.opens(payment)
    assert (status, "/checkout/" in where) == (302, True)


async def test_while_the_provider_is_silent_the_page_waits_and_asks_again_by_itself(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.web.PATIENCE", 0.1)
    till.bank.fail_next(Fault.ERROR_BEFORE, count=1_000)
    payment = await till.do(charging.request, await till.order(), actor="bot")
    status, page = await till.opens(payment)
    assert status == 200
    assert "Готовим оплату" in page
    assert f'http-equiv="refresh" content="1;url=/p/{payment.token}?n=1"' in page
    till.bank.network.clear()


async def test_a_waiting_page_gives_up_after_many_turns(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.web.PATIENCE", 0.1)
    payment = await till.link(await till.order())
    for turns in ("40", "9999999", "-1", "x"):
        async with till.http.get(f"{till.url}/p/{payment.token}/back?n={turns}") as response:
            assert 'http-equiv="refresh"' not in await response.text()


async def test_who_comes_back_after_paying_reads_that_it_is_paid(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.web.PATIENCE", 30.0)
    till.bank.webhook_urls[MERCHANT] = None
    order = await till.order()
    payment = await till.link(order)
    assert payment.provider_id is not None
    till.bank.pay(payment.provider_id)
    assert "Оплачено" in await till.comes_back(payment)
    assert (await till.now(order)).stage.code == "paid"
    assert "Оплачено" in (await till.opens(payment))[1]


async def test_who_comes_back_without_paying_is_not_believed_and_may_return(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    page = await till.comes_back(payment)
    assert "Ждём ответа банка" in page
    assert f'href="/p/{payment.token}?lang=ru"' in page
    assert (await till.now(order)).stage.code == "awaiting_payment"


async def test_a_declined_payment_offers_another_try(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    assert payment.provider_id is not None
    till.bank.decline(payment.provider_id)
    assert "Оплата не прошла" in await till.comes_back(payment)
    where = await presses_again(till, payment)
    async with till.http.get(till.url + where) as response:
        page = await response.text()
    assert "Готовим оплату" in page
    fresh = await newest(till, order.id)
    assert f'content="1;url=/p/{fresh.token}?n=1"' in page
    assert (await till.opens(fresh))[0] == 302


async def test_an_expired_link_is_noticed_before_the_buyer_is_sent_away(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.bank.webhook_urls[MERCHANT] = None
    monkeypatch.setattr("payments.web.STALE", timedelta(0))
    payment = await till.link(await till.order())
    assert payment.provider_id is not None
    till.bank.expire(payment.provider_id)
    status, page = await till.opens(payment)
    assert (status, "Ссылка устарела" in page) == (200, True)


async def test_the_old_link_of_a_changed_order_shows_the_new_sum_and_the_new_link(till: Till) -> None:
    order = await till.order()
    old = await till.link(order)
    await till.discount(order, 45000)
    page = (await till.opens(old))[1]
    assert "Заказ изменился" in page
    assert "1 000 ₽" in page.replace("\xa0", " ").replace("\u202f", " ")
    await presses_again(till, old)
    await till.settle()
    new = await newest(till, order.id)
    assert f'href="/p/{new.token}?lang=ru"' in (await till.opens(old))[1]
    assert (await till.opens(new))[0] == 302


async def test_pressing_again_many_times_makes_one_link(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    assert payment.provider_id is not None
    till.bank.decline(payment.provider_id)
    await till.settle()
    await asyncio.gather(*(presses_again(till, payment) for _ in range(8)))
    await till.settle()
    assert len(till.bank.payments_of(str(order.id))) == 2


async def test_a_cancelled_order_asks_for_no_money(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    await till.cancel(order)
    status, page = await till.opens(payment)
    assert (status, "Заказ отменён" in page) == (200, True)
    assert await presses_again(till, payment) == f"/p/{payment.token}"


async def test_another_link_of_a_paid_order_says_that_it_is_paid(till: Till) -> None:
    order = await till.order()
    old = await till.link(order)
    await till.discount(order, 45000)
    new = await till.link(order)
    assert new.provider_id is not None
    till.bank.pay(new.provider_id)
    await till.settle()
    assert "Оплачено" in (await till.opens(old))[1]


async def test_money_with_a_question_is_received_and_not_called_paid(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    await till.cancel(order)
    assert payment.provider_id is not None
    till.bank.pay(payment.provider_id)
    await till.settle()
    assert "Деньги получены" in (await till.opens(payment))[1]


async def test_a_refunded_payment_says_so(till: Till) -> None:
    _, payment = await till.paid_order()
    await till.refund(payment, 145000, "form-1")
    await till.settle()
    assert "Деньги возвращены" in (await till.opens(payment))[1]


async def test_a_shop_without_an_account_says_why_there_is_no_new_link(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    await till.discount(order, 45000)
    await till.do(_switch_off, till.account_id)
    async with till.http.post(f"{till.url}/p/{payment.token}/again") as response:
        page = await response.text()
        assert response.status == 409
    assert "не подключён" in page


def _switch_off(session: Session, account_id: int) -> None:
    accounts.get(session, account_id).active = False


async def test_the_page_speaks_the_buyers_language_and_can_be_switched(till: Till) -> None:
    order, payment = await till.paid_order()
    await till.do(_speak, order.customer_id, "en")
    assert "<h1>Paid</h1>" in (await till.opens(payment))[1]
    async with till.http.get(f"{till.url}/p/{payment.token}?lang=ru") as response:
        assert "<h1>Оплачено</h1>" in await response.text()


def _speak(session: Session, customer_id: int, locale: str) -> None:
    session.get_one(Customer, customer_id).locale = locale


async def test_a_page_tells_nothing_about_the_buyer(till: Till) -> None:
    _, payment = await till.paid_order()
    page = (await till.opens(payment))[1]
    for secret in ("Анна", "Ветрова", "9001234567", "anna@clay.example", "Кружка", payment.key):
        assert secret not in page


async def test_a_guessed_link_finds_nothing_and_tells_nothing(till: Till) -> None:
    payment = await till.link(await till.order())
    near = payment.token[:-1] + ("A" if payment.token[-1] != "A" else "B")
    for token in (near, "x" * 24, payment.token.swapcase()):
        for way in ("", "/back", "/wait"):
            async with till.http.get(f"{till.url}/p/{token}{way}") as response:
                page = await response.text()
                assert (response.status, "Такой ссылки нет" in page) == (404, True)
        async with till.http.post(f"{till.url}/p/{token}/again") as response:
            assert response.status == 404


async def test_tokens_are_long_and_all_different(till: Till) -> None:
    tokens = [(await till.do(charging.request, await till.order(), actor="bot")).token for _ in range(5)]
    assert len(set(tokens)) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{24}", token) for token in tokens)
    await till.settle()


async def test_every_answer_is_guarded(till: Till) -> None:
    order, payment = await till.paid_order()
    for path in (f"/p/{payment.token}", f"/p/{payment.token}/back", "/p/" + "x" * 24):
        async with till.http.get(till.url + path) as response:
            policy = response.headers["Content-Security-Policy"]
            page = await response.text()
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script(?! src=\"/pay/)|style=|\son\w+=", page)
    assert order.stage.code == "paid"


async def test_the_styles_and_the_icon_are_there(till: Till) -> None:
    for file, kind in (("pay.css", "text/css"), ("pay.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        async with till.http.get(f"{till.url}/pay/{file}") as response:
            assert (response.status, response.content_type) == (200, kind)
    async with till.http.get(f"{till.url}/pay/..%2fweb.py") as response:
        assert response.status == 404


async def test_owners_words_replace_ours(till: Till) -> None:
    await till.wants(texts={"ru": {"pay.paid.title": "Ура, <b>оплачено</b>!"}})
    _, payment = await till.paid_order()
    assert "Ура, &lt;b&gt;оплачено&lt;/b&gt;!" in (await till.opens(payment))[1]


async def test_an_address_that_is_not_of_the_web_is_not_followed(till: Till) -> None:
    payment = await till.link(await till.order())
    await till.do(_mislead, payment.id)
    assert (await till.opens(payment))[0] == 200


def _mislead(session: Session, payment_id: int) -> None:
    session.get_one(Payment, payment_id).confirmation_url = "javascript:alert(1)"


async def presses_again(till: Till, payment: Payment) -> str:
    async with till.http.post(f"{till.url}/p/{payment.token}/again", allow_redirects=False) as response:
        assert response.status == 303
        return response.headers["Location"]


async def newest(till: Till, order_id: int) -> Payment:
    payment = (await till.db.read(charging.of_order, order_id))[0]
    assert payment.state in (State.NEW, State.PENDING)
    return payment
