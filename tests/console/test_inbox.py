"""The inbox over HTTP: what operators see and do."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from io import BytesIO

import aiohttp
import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.orm import Session

from inbox import messages
from inbox.content import Incoming, Media, MediaKind, Profile
from inbox.tables import Author, Conversation, Delivery, Message
from operator_console import spans
from orders import cart as carts
from orders.tables import Order
from payments.tables import Payment
from storage.files import record
from storage.tables import EventRow, Job
from tests.console.desk import Desk

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (640, 480), "#5c7a7c").save(out, "PNG")
    return out.getvalue()


def jobs_of(session: Session, kind: str) -> int:
    return session.scalar(sa.select(sa.func.count()).where(Job.kind == kind)) or 0


async def test_a_conversation_stands_in_the_list_with_what_was_said_last(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    rows = (await browser.fragment("/inbox/list")).text
    assert "Анна Ветрова" in rows
    assert "Есть кружка?" in rows


async def test_the_list_is_searched_by_name_and_split_into_views(desk: Desk) -> None:
    await desk.hears("Тимур Маликов", "Можно серую?")
    browser = await desk.signed_in(desk.ours.operator)
    found = (await browser.fragment("/inbox/list?q=тимур")).text
    assert "Тимур" in found
    assert "Анна" not in found
    assert "Анна" not in (await browser.fragment("/inbox/list?view=mine")).text
    await browser.post(f"/inbox/{desk.ours.anna}/take")
    assert "Анна" in (await browser.fragment("/inbox/list?view=mine")).text


async def test_nothing_that_a_buyer_writes_becomes_html(desk: Desk) -> None:
    media = (Media(MediaKind.DOCUMENT, remote="x", name=HOSTILE),)
    talk = await desk.hears(HOSTILE, HOSTILE, media)
    browser = await desk.signed_in(desk.ours.operator)
    for path in (f"/inbox/{talk}", "/inbox/list", f"/inbox/{talk}/feed", f"/inbox/{talk}/context"):
        answer = await browser.get(path)
        assert answer.status == 200
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text


async def test_an_edited_message_shows_what_it_said_before(desk: Desk) -> None:
    def edit(session: Session) -> None:
        talk = session.get_one(Conversation, desk.ours.anna)
        known = session.scalars(sa.select(Message).where(Message.conversation_id == talk.id)).one()
        external = (known.external_id or "").rpartition(":")[2]
        profile = Profile("buyer-Анна Ветрова", "Анна Ветрова")
        messages.receive(session, talk, Incoming(external_id=external, profile=profile, text="Есть две?", edited=True))

    await desk.db.write(edit)
    browser = await desk.signed_in(desk.ours.operator)
    feed = (await browser.fragment(f"/inbox/{desk.ours.anna}/feed")).text
    assert "Есть две?" in feed
    assert "Здравствуйте! Есть кружка?" in feed.split("<summary>изменено</summary>")[1]


async def test_where_the_unread_begins_is_marked_until_the_next_opening_or_answer(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    here, mark = f"/inbox/{desk.ours.anna}", 'id="unread"'
    assert mark in (await browser.get(here)).text
    assert mark not in (await browser.get(here)).text
    for text in ("Можно синюю?", "И серую?"):
        await desk.hears("Анна Ветрова", text)
    page = (await browser.get(here)).text
    assert (
        page.index("Есть кружка?", page.index('id="feed-inner"'))
        < page.index(mark)
        < page.index("Можно синюю?", page.index(mark))
    )
    again = unescape(page.split('data-feed="')[1].split('"')[0])
    assert mark in (await browser.fragment(again)).text
    await browser.post(f"{here}/messages", {"text": "Спросить на складе", "key": "note", "private": "1"})
    colleague = await desk.signed_in(desk.ours.colleague)
    await colleague.post(f"{here}/messages", {"text": "Синяя есть.", "key": "hers"})
    assert mark in (await browser.fragment(again)).text
    await browser.post(f"{here}/take_over")
    await browser.post(f"{here}/messages", {"text": "И серая.", "key": "mine"})
    assert mark not in (await browser.fragment(again)).text


async def test_an_answer_goes_out_once_however_often_it_is_sent(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    path = f"/inbox/{desk.ours.anna}/messages"
    form = {"text": "Да, четыре штуки.", "key": "one"}
    answers = await asyncio.gather(*(browser.post(path, form) for _ in range(5)))
    assert {answer.status for answer in answers} == {204}
    said = [m for m in await desk.thread(desk.ours.anna) if m.author == Author.STAFF]
    assert [(m.text, m.delivery) for m in said] == [("Да, четыре штуки.", Delivery.QUEUED)]
    assert await desk.db.read(jobs_of, "message.deliver") == 1
    assert "Да, четыре штуки." in (await browser.fragment(f"/inbox/{desk.ours.anna}/feed")).text
    talk = await desk.conversation(desk.ours.anna)
    assert (talk.held, talk.assignee_id) == (True, desk.ours.operator.id)


async def test_an_answer_may_quote_what_was_said(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    asked = (await desk.thread(desk.ours.anna))[0]
    form = {"text": "Есть", "key": "one", "reply_to": str(asked.id)}
    await browser.post(f"/inbox/{desk.ours.anna}/messages", form)
    assert (await desk.thread(desk.ours.anna))[-1].reply_to_id == asked.id


async def test_a_note_stays_among_the_staff(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    form = {"text": "Коробки на верхней полке", "key": "one", "private": "1"}
    for _ in range(2):
        await browser.post(f"/inbox/{desk.ours.anna}/messages", form)
    notes = [m for m in await desk.thread(desk.ours.anna) if m.private]
    assert [m.text for m in notes] == ["Коробки на верхней полке"]
    assert await desk.db.read(jobs_of, "message.deliver") == 0


async def test_an_empty_answer_is_refused_in_the_readers_language(desk: Desk) -> None:
    answer = await (await desk.signed_in(desk.ours.operator)).post(f"/inbox/{desk.ours.anna}/messages", {"text": " "})
    assert answer.status == 409
    assert answer.text
    assert len(await desk.thread(desk.ours.anna)) == 1


async def test_of_two_who_take_a_conversation_one_gets_it_and_the_other_hears_who(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    sofya = await desk.signed_in(desk.ours.colleague)
    path = f"/inbox/{desk.ours.anna}/take"
    answers = dict(
        zip(("Марина Ким", "Софья Белова"), await asyncio.gather(marina.post(path), sofya.post(path)), strict=True)
    )
    winner = next(name for name, answer in answers.items() if answer.status == 204)
    loser = next(answer for answer in answers.values() if answer.status == 409)
    assert winner in loser.text


async def test_an_answer_over_a_colleague_is_refused_until_it_is_taken_over(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    sofya = await desk.signed_in(desk.ours.colleague)
    await marina.post(f"/inbox/{desk.ours.anna}/take")
    answer = await sofya.post(f"/inbox/{desk.ours.anna}/messages", {"text": "И я", "key": "one"})
    assert answer.status == 409
    assert "Марина Ким" in answer.text
    assert len(await desk.thread(desk.ours.anna)) == 1
    await sofya.post(f"/inbox/{desk.ours.anna}/take_over")
    assert (await sofya.post(f"/inbox/{desk.ours.anna}/messages", {"text": "И я", "key": "one"})).status == 204


async def test_a_conversation_is_handed_over_given_back_closed_and_opened(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    here = f"/inbox/{desk.ours.anna}"
    await browser.post(f"{here}/assign", {"staff": str(desk.ours.colleague.id)})
    assert (await desk.conversation(desk.ours.anna)).assignee_id == desk.ours.colleague.id
    await browser.post(f"{here}/release")
    assert not (await desk.conversation(desk.ours.anna)).held
    closed = await browser.post(f"{here}/close")
    assert closed.toast == "Диалог закрыт"
    assert (await desk.conversation(desk.ours.anna)).state == "closed"
    await browser.post(f"{here}/reopen")
    assert (await desk.conversation(desk.ours.anna)).state == "open"
    thread = (await browser.fragment(f"{here}/feed")).text
    assert "Марина: диалог закрыт" in thread


async def test_a_hand_over_comes_with_a_note_that_stays_among_the_staff(desk: Desk) -> None:
    browser, here = await desk.signed_in(desk.ours.operator), f"/inbox/{desk.ours.anna}"
    page = (await browser.get(here)).text
    assert re.search('id="hand-over".*name="key" value="[0-9a-f]{32}"', page, re.DOTALL)
    form = {"staff": str(desk.ours.colleague.id), "note": "Обещал скидку до пятницы", "key": "0123456789abcdef"}
    assert (await browser.post(f"{here}/assign", form)).status == 204
    assert (await browser.post(f"{here}/assign", form)).status == 204
    (note,) = [m for m in await desk.thread(desk.ours.anna) if m.private]
    assert (note.text, note.delivery) == ("Обещал скидку до пятницы", Delivery.KEPT)
    thread = (await browser.fragment(f"{here}/feed")).text
    assert "Марина: диалог передан, теперь ведёт Софья" in thread
    query = sa.select(EventRow).where(EventRow.kind == "conversation_assigned")
    (told,) = await desk.db.read(lambda session: list(session.scalars(query)))
    assert (told.payload["staff_id"], told.payload["note"]) == (desk.ours.colleague.id, "Обещал скидку до пятницы")


async def test_a_foreigner_cannot_be_given_a_conversation(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    answer = await browser.post(f"/inbox/{desk.ours.anna}/assign", {"staff": str(desk.foreign.operator.id)})
    assert answer.status == 404
    assert (await desk.conversation(desk.ours.anna)).assignee_id is None


async def test_opening_a_conversation_marks_it_read(desk: Desk) -> None:
    assert (await desk.conversation(desk.ours.anna)).unread == 1
    await (await desk.signed_in(desk.ours.operator)).get(f"/inbox/{desk.ours.anna}")
    assert (await desk.conversation(desk.ours.anna)).unread == 0


async def test_a_picture_goes_out_as_a_photo_and_is_shown_to_the_staff_alone(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    form = aiohttp.FormData({"text": "Вот она", "key": "one"}, quote_fields=False)
    form.add_field("files", picture(), filename="../../etc/mug.png", content_type="image/png")
    assert (await browser.post(f"/inbox/{desk.ours.anna}/messages", form)).status == 204
    said = (await desk.thread(desk.ours.anna))[-1]
    assert [(m["kind"], m["name"]) for m in said.content["media"]] == [("photo", "mug.png")]
    shown = await browser.get(f"/attachments/{said.id}/0?w=320")
    assert (shown.status, shown.headers["Content-Type"]) == (200, "image/jpeg")
    assert (await (await desk.signed_in(desk.foreign.owner)).get(f"/attachments/{said.id}/0")).status == 404
    assert (await desk.stranger().get(f"/attachments/{said.id}/0")).status == 303


@pytest.mark.parametrize(
    ("name", "mime", "data"),
    [
        ("page.html", "text/html", b"<script>alert(1)</script>"),
        ("drawing.svg", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
        ("photo.jpg", "image/jpeg", b"<html><script>alert(1)</script></html>"),
    ],
)
async def test_what_a_browser_might_run_is_only_ever_downloaded(desk: Desk, name: str, mime: str, data: bytes) -> None:
    blob = await desk.files.save(data, limit=1000)
    row = await desk.db.write(lambda session: record(session, blob, name=name, mime=mime))
    await desk.hears("Анна Ветрова", "", (Media(MediaKind.DOCUMENT, file_id=row.id, name=name, mime=mime),))
    said = (await desk.thread(desk.ours.anna))[-1]
    answer = await (await desk.signed_in(desk.ours.operator)).get(f"/attachments/{said.id}/0")
    assert answer.status == 200
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert mime == "image/jpeg" or answer.headers["Content-Disposition"] == "attachment"


async def test_a_product_is_found_by_its_first_letters_and_sent_as_a_card(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    offered = (await browser.fragment("/picker/goods?q=круж")).text
    assert f'data-variant="{desk.ours.mug.id}"' in offered
    form = {"product": str(desk.ours.product_id), "variant": str(desk.ours.mug.id)}
    await browser.post(f"/inbox/{desk.ours.anna}/product", form)
    await browser.post(f"/inbox/{desk.ours.anna}/product", form)  # pressed twice
    said = [m for m in await desk.thread(desk.ours.anna) if m.author == Author.STAFF]
    assert len(said) == 1
    assert "Кружка «Туман»" in said[0].text
    labels = [button["label"] for row in said[0].content["rows"] for button in row]
    assert any("корзину" in label for label in labels)


async def test_what_is_sold_out_is_shown_as_sold_out(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    for _ in range(5):
        await browser.post(f"/inbox/{desk.ours.anna}/order-lines?variant={desk.ours.mug.id}")
    assert "нет в наличии" in (await browser.fragment("/picker/goods?q=кружка")).text
    answer = await browser.post(f"/inbox/{desk.ours.anna}/order-lines?variant={desk.ours.mug.id}")
    assert answer.status == 409
    assert "Кружка «Туман»" in answer.text


async def test_the_first_product_makes_the_order_and_the_next_one_goes_into_it(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    path = f"/inbox/{desk.ours.anna}/order-lines?variant={desk.ours.mug.id}"
    assert (await browser.post(path)).toast == "Заказ № 1001 создан"
    assert (await browser.post(path)).toast == "Добавлено в заказ № 1001"
    order = await desk.db.read(lambda session: session.scalars(sa.select(Order)).one())
    assert (order.total_amount, order.conversation_id, order.responsible_id) == (
        290000,
        desk.ours.anna,
        desk.ours.operator.id,
    )


async def test_a_payment_link_goes_into_the_chat(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    await browser.post(f"/inbox/{desk.ours.anna}/order-lines?variant={desk.ours.mug.id}")
    refused = await browser.post(f"/inbox/{desk.ours.anna}/charge")
    assert (refused.status, "телефон или e-mail" in refused.text) == (409, True)
    assert "Кому отправить чек?" in (await browser.get(f"/inbox/{desk.ours.anna}")).text
    for form in ({"phone": "8 916 123-45-67", "email": ""}, {}):
        assert (await browser.post(f"/inbox/{desk.ours.anna}/charge", form)).status == 204
    order = await desk.db.read(lambda session: session.scalars(sa.select(Order)).one())
    assert order.phone == "+79161234567"
    assert "Кому отправить чек?" not in (await browser.get(f"/inbox/{desk.ours.anna}")).text
    payment = await desk.db.read(lambda session: session.scalars(sa.select(Payment)).one())
    said = [m for m in await desk.thread(desk.ours.anna) if m.author == Author.STAFF]
    assert len(said) == 1
    assert said[0].content["rows"][0][0]["url"] == f"http://127.0.0.1/p/{payment.token}"
    card = (await browser.fragment(f"/inbox/{desk.ours.anna}/feed")).text
    assert "payment-pending" in card


async def test_without_an_order_there_is_nothing_to_charge(desk: Desk) -> None:
    answer = await (await desk.signed_in(desk.ours.operator)).post(f"/inbox/{desk.ours.anna}/charge")
    assert answer.status == 409
    assert "заказ" in answer.text


async def test_the_buyers_cart_is_seen_changed_and_made_an_order(desk: Desk) -> None:
    def fill(session: Session) -> None:
        customer_id = session.get_one(Conversation, desk.ours.anna).customer_id
        assert customer_id is not None
        carts.put(session, desk.ours.shop_id, customer_id, desk.ours.mug.id, 1)

    await desk.db.write(fill)
    browser = await desk.signed_in(desk.ours.operator)
    here = f"/inbox/{desk.ours.anna}"
    assert "Корзина покупателя" in (await browser.fragment(f"{here}/context")).text
    await browser.post(f"{here}/cart", {"line": f"cart-{desk.ours.mug.id}", "quantity": "3"})
    assert (await browser.post(f"{here}/order")).status == 204
    order = await desk.db.read(lambda session: session.scalars(sa.select(Order)).one())
    assert order.total_amount == 3 * 145000
    assert "Корзина покупателя" not in (await browser.fragment(f"{here}/context")).text
    assert (await browser.post(f"{here}/order")).status == 409


async def test_a_failed_message_is_sent_again(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    await browser.post(f"/inbox/{desk.ours.anna}/messages", {"text": "Да", "key": "one"})
    said = (await desk.thread(desk.ours.anna))[-1]

    def fail(session: Session) -> None:
        session.get_one(Message, said.id).delivery = Delivery.FAILED

    await desk.db.write(fail)
    retry = f"/inbox/{desk.ours.anna}/messages/{said.id}/resend"
    assert retry in (await browser.fragment(f"/inbox/{desk.ours.anna}/feed")).text
    assert (await browser.post(retry)).status == 204
    assert (await desk.thread(desk.ours.anna))[-1].delivery == Delivery.QUEUED
    assert (await browser.post(retry)).status == 409


async def test_earlier_messages_are_fetched_page_by_page(desk: Desk) -> None:
    for n in range(120):
        await desk.hears("Анна Ветрова", f"сообщение-{n:03}.")
    browser = await desk.signed_in(desk.ours.operator)
    page = (await browser.get(f"/inbox/{desk.ours.anna}")).text
    assert "сообщение-119." in page
    assert "сообщение-069." not in page
    first = (await desk.thread(desk.ours.anna))[0].id
    earlier = (await browser.fragment(f"/inbox/{desk.ours.anna}/feed?before={first}")).text
    assert "сообщение-069." in earlier
    assert "сообщение-119." in earlier


def test_formatting_becomes_tags_and_unsafe_links_stay_text() -> None:
    from inbox.content import Span, Style

    said = spans.html("жирный <b> и ссылка", (Span(Style.BOLD, 0, 6), Span(Style.LINK, 13, 6, "javascript:alert(1)")))
    assert said == "<b>жирный</b> &lt;b&gt; и ссылка"
    link = spans.html("тут", (Span(Style.LINK, 0, 3, "https://clay.example/?a=1&b=2"),))
    assert 'href="https://clay.example/?a=1&amp;b=2"' in link
    nested = spans.html("абв", (Span(Style.BOLD, 0, 3), Span(Style.ITALIC, 1, 1), Span(Style.CODE, 2, 9)))
    assert nested == "<b>а<i>б</i><code>в</code></b>"


@pytest.mark.parametrize("text", ["https://a.example/x?y=1&z=2", "смотрите https://a.example/x."])
def test_an_address_in_a_text_can_be_clicked(text: str) -> None:
    assert '<a href="https://a.example/x' in spans.html(text)


async def test_the_list_tells_whose_the_last_words_are(desk: Desk) -> None:
    sofya, operator = await desk.signed_in(desk.ours.colleague), await desk.signed_in(desk.ours.operator)
    await sofya.post(f"/inbox/{desk.ours.anna}/messages", {"text": "Есть, две", "key": "0123456789abcdef"})
    assert "Вы: Есть, две" in (await sofya.fragment("/inbox/list")).text
    assert "Софья: Есть, две" in (await operator.fragment("/inbox/list")).text
