"""What every console shows of a change comes with the event, to those who see it as everybody does."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import rights_sets, signin, staff
from company.rights_sets import Answers
from company.tables import Role, Sees, Shop, Staff
from inbox import conversations, drafts, messages
from inbox.content import Outgoing
from inbox.tables import Conversation, Kind
from operator_console import drawn
from tests.console.desk import Desk, EventStream


async def up_to(stream: EventStream, conversation_id: int, kind: str = "message_added") -> list[dict[str, Any]]:
    """All that is heard up to an event of this conversation, with it."""
    heard: list[dict[str, Any]] = []
    while not heard or (heard[-1].get("kind"), heard[-1].get("conversation_id")) != (kind, conversation_id):
        heard.append(await stream.next())
        assert heard[-1], heard
    return heard


def rows_of(heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in heard if one.get("event") == "row"]


async def test_the_row_of_the_inbox_comes_before_the_event_that_it_is_about(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    sofya = await desk.signed_in(desk.ours.colleague)
    async with marina.listening() as one, sofya.listening() as two:
        await desk.hears("Анна Ветрова", "Ещё вопрос, про глину")
        heard = [await up_to(stream, desk.ours.anna) for stream in (one, two)]
    listed = (await marina.fragment("/inbox/list")).text
    for told in heard:
        (row,) = rows_of(told)
        assert (row["id"], row["channel"], row["leader"], row["language"]) == (desk.ours.anna, "telegram", None, "ru")
        assert row["html"].strip().replace('data-order="0"', f'data-order="{row["places"]["open"]}"') in listed
        assert "Ещё вопрос, про глину" in row["html"]
        assert told[-1]["drawn"] is True


async def test_each_hears_in_his_own_language(desk: Desk) -> None:
    await desk.db.write(
        lambda session: session.execute(sa.update(Staff).where(Staff.id == desk.ours.colleague.id).values(locale="en"))
    )
    marina = await desk.signed_in(desk.ours.operator)
    sofya = await desk.signed_in(desk.ours.colleague)
    async with marina.listening() as one, sofya.listening() as two:
        await desk.hears("Анна Ветрова", "Ещё вопрос")
        ((russian,), (english,)) = [rows_of(await up_to(stream, desk.ours.anna)) for stream in (one, two)]
    assert ("без заказа" in russian["html"], "no order" in english["html"]) == (True, True)
    assert (russian["language"], english["language"]) == ("ru", "en")


@pytest.mark.parametrize("sees", [Sees.OWN, Sees.OWN_AND_FREE, Sees.DELIVERIES])
async def test_who_does_not_see_everything_is_never_sent_a_row(desk: Desk, sees: Sees) -> None:
    mine = await desk.hears("Борис Орлов", "Есть блюдо?")
    await desk.db.write(lambda session: _lead(session, mine, desk.ours.colleague))
    browser = await desk.signed_in(desk.ours.colleague)
    async with browser.listening() as before:
        await before.next("numbers")
        await desk.db.write(lambda session: _limit(session, desk, sees))
        await desk.hears("Борис Орлов", "И вазы?")
        # This stream began when she saw everything, and goes on until its rights are looked at again.
        assert rows_of(await up_to(before, mine)) == []
    async with browser.listening() as stream:
        await desk.hears("Анна Ветрова", "Не для всех")
        await desk.hears("Борис Орлов", "А тарелки?")
        heard = await up_to(stream, mine) if sees is not Sees.DELIVERIES else []
        assert "drawn" not in str(heard)
        assert "Не для всех" not in str(heard)
        assert rows_of(heard) == []


async def test_who_is_signed_out_is_sent_no_row_from_that_moment_on(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    async with browser.listening() as stream:
        await stream.next("numbers")
        # The stream has looked who it is and does not look again so soon.
        await desk.db.write(signin.sign_out_all, desk.ours.operator.id)
        await desk.hears("Анна Ветрова", "Это уже не вам")
        heard = await up_to(stream, desk.ours.anna)
    assert "drawn" not in heard[-1]
    assert rows_of(heard) == []


async def test_who_has_begun_to_write_there_or_spoke_last_asks_for_his_own_row(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    sofya = await desk.signed_in(desk.ours.colleague)

    def answer(session: Session) -> None:
        talk, person = session.get_one(Conversation, desk.ours.anna), session.get_one(Staff, desk.ours.operator.id)
        messages.reply(session, talk, person, Outgoing(text="Есть четыре"))

    def begin(session: Session) -> None:
        talk, person = session.get_one(Conversation, desk.ours.anna), session.get_one(Staff, desk.ours.colleague.id)
        drafts.keep(session, talk, person, "Есть пя", private=False, key="k")

    async with marina.listening() as one, sofya.listening() as two:
        await desk.db.write(answer)
        assert rows_of(await up_to(one, desk.ours.anna)) == []
        (hers,) = rows_of(await up_to(two, desk.ours.anna))
        assert "Марина:" in hers["html"]
        await desk.db.write(begin)
        await desk.hears("Анна Ветрова", "Вы тут?")
        assert len(rows_of(await up_to(one, desk.ours.anna))) == 1
        assert rows_of(await up_to(two, desk.ours.anna)) == []


async def test_what_a_page_missed_comes_with_its_row(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    position = await desk.position()
    for words in ("Раз", "Два"):
        await desk.hears("Анна Ветрова", words)
    async with browser.listening(f"/live/events?after={position}") as stream:
        heard = await up_to(stream, desk.ours.anna)
    (row,) = rows_of(heard)
    assert "Два" in row["html"]


async def test_more_rows_than_are_worth_sending_are_asked_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "MOST", 1)
    others = [await desk.hears(name, "Здравствуйте") for name in ("Тимур", "Ольга")]

    def take(session: Session) -> None:
        for id_ in others:
            _lead(session, id_, desk.ours.operator)

    browser = await desk.signed_in(desk.ours.operator)
    async with browser.listening() as stream:
        await desk.db.write(take)
        heard = await up_to(stream, others[-1], "conversation_changed")
    assert rows_of(heard) == []
    assert "drawn" not in heard[-1]


async def test_a_conversation_that_is_no_buyers_has_no_row_to_show(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    await desk.db.write(
        lambda session: session.execute(
            sa.update(Conversation).where(Conversation.id == desk.ours.anna).values(kind=Kind.STAFF)
        )
    )
    async with browser.listening() as stream:
        await desk.db.write(lambda session: messages.note(session, *_note(session, desk)))
        heard = await up_to(stream, desk.ours.anna)
    assert [(row["id"], row["html"], row["places"]) for row in rows_of(heard)] == [(desk.ours.anna, "", {})]


async def test_numbers_of_the_menu_are_told_after_what_happened(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    sofya = await desk.signed_in(desk.ours.colleague)
    async with marina.listening() as one, sofya.listening() as two:
        for stream in (one, two):
            assert (await stream.next("numbers"))["views"]["mine"] == ["", False]
        timur = await desk.hears("Тимур Маликов", "Можно серую?")
        await desk.db.write(lambda session: _lead(session, timur, desk.ours.operator))
        told = [await stream.next("numbers") for stream in (one, two)]
    assert [numbers["views"]["mine"][0] for numbers in told] == [1, ""]
    for numbers in told:
        assert numbers["sections"]["inbox"] == [2, False]
        assert numbers["channels"]["telegram"] == [2, False, 2]
    menu = (await marina.fragment("/nav")).text
    assert 'id="view-mine" hx-swap-oob="true">1<' in menu


async def test_who_does_not_see_everything_is_told_no_numbers(desk: Desk) -> None:
    await desk.db.write(lambda session: _limit(session, desk, Sees.OWN))
    browser = await desk.signed_in(desk.ours.colleague)
    owner = await desk.signed_in(desk.ours.owner)
    assert "live:conversation" in (await browser.get("/inbox")).text
    assert "live:conversation" not in (await owner.get("/inbox")).text
    async with browser.listening() as stream, owner.listening() as other:
        await desk.db.write(lambda session: _lead(session, desk.ours.anna, desk.ours.colleague))
        await other.next("numbers")
        await desk.hears("Анна Ветрова", "Спасибо")
        assert all(one.get("event") != "numbers" for one in await up_to(stream, desk.ours.anna))


def _limit(session: Session, desk: Desk, sees: Sees) -> None:
    shop = session.get_one(Shop, desk.ours.shop_id)
    if sees is Sees.DELIVERIES:
        staff.give_role(session, desk.ours.colleague.id, shop, Role.COURIER, actor="staff:1")
        return
    own = rights_sets.add(session, shop, Answers(name="Своё", role=Role.OPERATOR, sees=sees), actor="staff:1")
    staff.give_role(session, desk.ours.colleague.id, shop, Role.OPERATOR, own=own, actor="staff:1")


def _lead(session: Session, talk_id: int, person: Staff) -> None:
    conversations.take(session, session.get_one(Conversation, talk_id), session.get_one(Staff, person.id))


def _note(session: Session, desk: Desk) -> tuple[Conversation, str, Staff]:
    return session.get_one(Conversation, desk.ours.anna), "Заметка", session.get_one(Staff, desk.ours.operator.id)
