"""Where a messenger closes after a day: people are refused, notices held or sent as templates; what it tells later."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import doubts
from company.tables import ChannelAccount
from customers import identities
from inbox import conversations, delivered, messages, reading, templates, windows
from inbox.content import Card, Fate, Occasion, Outgoing, Receipt, load_outgoing
from inbox.tables import Author, Conversation, Delivery, Kind, Message
from inbox.templates import Approved, Choice
from inbox.windows import WindowClosed
from kit.clock import utc_now
from storage.jobs import Job as Taken
from storage.tables import EventRow, Job
from tests.worlds import World

CHAT = "79000000007"
PAID = Outgoing(text="Заказ № 7 оплачен", occasion=Occasion("paid", {"number": "7", "sum": "1 450 ₽", "link": ""}))


@pytest.fixture
def account(world: World) -> ChannelAccount:
    return world.account("whatsapp", "105001")


@pytest.fixture
def talk(world: World, account: ChannelAccount) -> Conversation:
    identity = identities.recognise(world.session, account, external_id=CHAT, name="Анна Ветрова")
    talk = conversations.open_for(world.session, account, CHAT, customer_id=identity.customer_id, locale="ru")
    windows.heard(world.session, talk, account, 0)
    return talk


def close(talk: Conversation) -> None:
    talk.heard_at = utc_now() - timedelta(hours=24, seconds=1)


def said(session: Session, talk: Conversation, outgoing: Outgoing, author: Author = Author.BOT) -> Message:
    [message] = messages.say(session, talk, outgoing, author=author)
    return message


def state(message: Message) -> Delivery:
    return message.delivery


def kinds(session: Session) -> list[str]:
    return list(session.scalars(sa.select(Job.kind).order_by(Job.id)))


def test_a_persons_words_are_refused_before_anything_is_written(
    session: Session, world: World, talk: Conversation
) -> None:
    messages.reply(session, talk, world.operator, Outgoing(text="Вовремя"))
    close(talk)
    with pytest.raises(WindowClosed):
        messages.reply(session, talk, world.operator, Outgoing(text="Поздно"))
    assert [one.text for one in messages.thread(session, talk.id)] == ["Вовремя"]
    approved = Approved("hello", "ru", body="Здравствуйте, {{1}}!")
    messages.reply(session, talk, world.operator, templates.fill(approved, ["Анна"]))
    assert [one.text for one in messages.thread(session, talk.id)] == ["Вовремя", "Здравствуйте, Анна!"]


def test_a_notice_without_a_template_waits_for_the_buyer_and_somebody_is_told(
    session: Session, talk: Conversation, account: ChannelAccount
) -> None:
    close(talk)
    first, second = said(session, talk, PAID), said(session, talk, Outgoing(text="Заказ № 7 в пути"))
    assert [first.delivery, second.delivery, kinds(session)] == [Delivery.HELD, Delivery.HELD, []]
    told = session.scalars(
        sa.select(EventRow.payload).where(EventRow.kind == "message_held").order_by(EventRow.id)
    ).all()
    assert [payload["message_id"] for payload in told] == [first.id, second.id]
    assert "occasion" not in first.content
    windows.heard(session, talk, account, utc_now().timestamp() - 3600 * 25)
    assert first.delivery == Delivery.HELD, "what comes late opens nothing"
    windows.heard(session, talk, account, utc_now().timestamp())
    assert [first.delivery, second.delivery] == [Delivery.QUEUED] * 2
    assert kinds(session) == ["message.deliver"] * 2


def of_order(number: int, occasion: str, text: str = "") -> Outgoing:
    words = text or f"Заказ № {number}: {occasion}"
    return Outgoing(text=words, card=Card("order", number), occasion=Occasion(occasion))


def test_of_what_was_held_of_an_order_the_buyer_gets_what_is_true_now(
    session: Session, talk: Conversation, account: ChannelAccount
) -> None:
    close(talk)
    for notice in (
        of_order(7, "paid"),
        of_order(8, "assembling"),
        of_order(7, "payment_link"),
        of_order(7, "refunded"),
        of_order(7, "firing", "Заказ № 7: в печи"),
        of_order(7, "shipped"),
    ):
        said(session, talk, notice)
    said(session, talk, Outgoing(text="Мы переезжаем"))
    windows.heard(session, talk, account, 0)
    told = {one.text: state(one) for one in messages.thread(session, talk.id)}
    assert [text for text, delivery in told.items() if delivery == Delivery.DROPPED] == [
        "Заказ № 7: paid",
        "Заказ № 7: в печи",
    ]
    assert len([delivery for delivery in told.values() if delivery == Delivery.QUEUED]) == 5


def test_of_days_of_notices_a_member_of_staff_gets_one_summary_before_those_of_today(
    session: Session, world: World, talk: Conversation, account: ChannelAccount
) -> None:
    close(talk)
    talk.kind, talk.staff_id = Kind.STAFF, world.owner.id
    held = [said(session, talk, of_order(n, "paid")) for n in range(3)]
    for message in held[:2]:
        message.created_at -= timedelta(days=3)
    session.flush()
    summed: list[str] = []
    windows.heard(session, talk, account, 0, sum_up=lambda old: summed.extend(one.text for one in old))
    assert summed == ["Заказ № 0: paid", "Заказ № 1: paid"]
    assert [state(one) for one in held] == [Delivery.DROPPED, Delivery.DROPPED, Delivery.QUEUED]


def test_a_notice_goes_as_the_template_that_was_chosen_for_it(
    session: Session, talk: Conversation, account: ChannelAccount
) -> None:
    page = Approved("order_paid", "ru", body="№ {{1}}: {{2}}", link="https://shop.example/o/{{1}}")
    chosen = {"paid": Choice(page, ("number", "sum", "number")), "stage": Choice(Approved("any", "ru", body="Новости"))}
    templates.keep_choices(account, chosen)
    close(talk)
    paid = said(session, talk, PAID)
    template = load_outgoing(paid.content).template
    assert template is not None
    assert (template.name, template.body, template.link) == ("order_paid", ("7", "1 450 ₽"), "7")
    assert (paid.text, paid.delivery) == ("№ 7: 1 450 ₽\n\nhttps://shop.example/o/7", Delivery.QUEUED)
    assert said(session, talk, Outgoing(text="Собираем", occasion=Occasion("assembling"))).text == "Новости"
    assert said(session, talk, Outgoing(text="Ссылка", occasion=Occasion("payment_link"))).delivery == Delivery.HELD
    lacking = Choice(page, ("number", "link", "number"))
    templates.keep_choices(account, {"paid": lacking})
    assert said(session, talk, PAID).delivery == Delivery.HELD, "a gap that nothing is known for"
    talk.heard_at = utc_now()
    assert said(session, talk, PAID).text == "Заказ № 7 оплачен", "in time the shop says it in its own words"


def receipt(fate: Fate, message: Message, place: str = "wamid.1", **more: object) -> Receipt:
    key = reading.key_of(message.id, int(message.created_at.timestamp() * 1000))
    return Receipt(place=place, fate=fate, **{"key": key, **more})  # type: ignore[arg-type]


def test_states_only_go_forward_whatever_the_order(session: Session, talk: Conversation) -> None:
    message = said(session, talk, Outgoing(text="Кружка есть"), Author.STAFF)
    message.delivery = Delivery.SENDING
    for fate, after in (
        (Fate.DELIVERED, Delivery.DELIVERED),
        (Fate.SENT, Delivery.DELIVERED),
        (Fate.FAILED, Delivery.DELIVERED),
        (Fate.READ, Delivery.READ),
        (Fate.DELIVERED, Delivery.READ),
    ):
        reading.told(session, talk.account_id, CHAT, receipt(fate, message))
        assert message.delivery == after
    delivered.sent(session, talk.shop_id, talk.id, message.id, external_id=f"{CHAT}:wamid.1")
    session.refresh(message)
    assert (message.delivery, message.external_id) == (Delivery.READ, f"{CHAT}:wamid.1"), "the answer comes last"


def test_a_receipt_finds_its_own_message_only(session: Session, world: World, talk: Conversation) -> None:
    message = said(session, talk, Outgoing(text="Кружка есть"))
    message.delivery = Delivery.UNKNOWN
    own = receipt(Fate.SENT, message)
    for stranger in (
        receipt(Fate.SENT, message, key="zz.zz"),
        receipt(Fate.SENT, message, key=f"{message.id:x}.1"),
        receipt(Fate.SENT, message, key=""),
    ):
        reading.told(session, talk.account_id, CHAT, stranger)
    reading.told(session, talk.account_id, "79000000008", own)
    reading.told(session, world.account("whatsapp", "105002").id, CHAT, own)
    assert state(message) == Delivery.UNKNOWN
    reading.told(session, talk.account_id, CHAT, own)
    assert (state(message), message.external_id) == (Delivery.SENT, f"{CHAT}:wamid.1")
    reading.told(session, talk.account_id, CHAT, receipt(Fate.READ, message, place="wamid.2"))
    assert state(message) == Delivery.SENT, "the copy of another message with our key"


def test_what_the_messenger_refuses_later_is_failed_or_held(session: Session, talk: Conversation) -> None:
    notice, answer = said(session, talk, PAID), said(session, talk, Outgoing(text="Ответ"), Author.STAFF)
    for message in (notice, answer):
        message.delivery = Delivery.SENT
        reading.told(session, talk.account_id, CHAT, receipt(Fate.FAILED, message, closed=True, reason="closed"))
    assert (notice.delivery, answer.delivery, answer.error) == (Delivery.HELD, Delivery.FAILED, "closed")
    delivered.resend(session, talk, answer)
    reading.told(session, talk.account_id, CHAT, receipt(Fate.FAILED, answer, place="wamid.2", reason="late"))
    assert state(answer) == Delivery.QUEUED, "what failed was the first copy"
    assert answer.external_id is None, "what is told of the first copy does not concern the second"


def test_a_message_that_came_back_is_failed_and_its_buyer_gone(session: Session, talk: Conversation) -> None:
    first, second = said(session, talk, PAID), said(session, talk, PAID)
    for message in (first, second):
        message.delivery, message.external_id = Delivery.SENT, f"{CHAT}:m{message.id:x}.1"
    earlier = reading.key_of(first.id, int(first.created_at.timestamp() * 1000) - 1)
    for told, states, blocked in (
        (receipt(Fate.FAILED, first, f"m{first.id:x}.1", key=earlier, gone=True), ("sent", "sent"), False),
        (receipt(Fate.FAILED, first, f"m{first.id:x}.1", reason="full"), ("failed", "sent"), False),
        (receipt(Fate.FAILED, second, f"m{second.id:x}.1", reason="nobody", gone=True), ("failed", "failed"), True),
    ):
        reading.told(session, talk.account_id, CHAT, told)
        assert ((first.delivery, second.delivery), talk.blocked) == (states, blocked)
    assert (first.error, second.error) == ("full", "nobody")


def test_a_doubt_ends_by_a_receipt_or_by_time(session: Session, talk: Conversation) -> None:
    told, silent = said(session, talk, Outgoing(text="Раз")), said(session, talk, Outgoing(text="Два"))
    [link] = messages.say(session, talk, PAID, author=Author.BOT, repeatable=True)
    for message in (told, silent, link):
        message.delivery = Delivery.SENDING
        doubts.put_off(session, message)
    jobs = session.scalars(sa.select(Job).where(Job.kind == doubts.SETTLE)).all()
    assert {job.lane for job in jobs} == {f"doubt:{message.id}" for message in (told, silent, link)}
    reading.told(session, talk.account_id, CHAT, receipt(Fate.DELIVERED, told))
    for message in (told, silent, link, link):
        doubts.settle(session, Taken(1, "", doubts.SETTLE, {"message_id": message.id}, 0, 0))
    assert [one.delivery for one in (told, silent, link)] == [Delivery.DELIVERED, Delivery.UNKNOWN, Delivery.QUEUED]
    link.delivery = Delivery.SENDING
    doubts.settle(session, Taken(1, "", doubts.SETTLE, {"message_id": link.id}, 0, 0))
    assert link.delivery == Delivery.UNKNOWN, "sent twice, and told of neither time"
