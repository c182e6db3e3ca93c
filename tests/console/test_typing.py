"""A colleague's page says who is answering."""

from __future__ import annotations

from sqlalchemy.orm import Session

from inbox import typing
from inbox.tables import Conversation
from tests.console.desk import Desk


async def test_colleagues_see_who_answers_by_name_and_one_does_not_see_oneself(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    path = f"/inbox/{desk.ours.anna}/typing"
    assert (await sofya.fragment(path)).text.strip() == ""
    async with sofya.listening() as ear:
        assert (await marina.post(path)).status == 204
        assert (await ear.next("typing"))["staff_id"] == desk.ours.operator.id
    assert "Марина отвечает…" in (await sofya.fragment(path)).text
    assert (await marina.fragment(path)).text.strip() == ""

    def anna_writes(session: Session) -> None:
        typing.began(session, session.get_one(Conversation, desk.ours.anna), by=None)

    await desk.db.write(anna_writes)
    told = (await sofya.fragment(path)).text
    assert "Марина отвечает…" in told
    assert "пишет…" in told
    assert "отвечает" not in (await marina.fragment(path)).text
