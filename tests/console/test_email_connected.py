"""A mailbox is connected in the console when both of its servers let us in; a test letter goes the whole way."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pytest_asyncio
import sqlalchemy as sa

from company import accounts
from company.tables import ChannelAccount, Shop
from emulators.mail import Account, MailEmulator, Trouble
from kit.secrets import SecretBox
from tests.console.desk import KEY, Desk

SHOP, PASSWORD = "shop@clay.example", "password-for-programs"


@pytest_asyncio.fixture(name="mail")
async def mail_fixture(desk: Desk) -> AsyncIterator[MailEmulator]:
    emulator = MailEmulator([Account(SHOP, "", PASSWORD)], [Account(desk.ours.owner.email)])
    await emulator.start()
    yield emulator
    await emulator.stop()


def form(mail: MailEmulator, **changed: str) -> dict[str, str]:
    imap, smtp = mail.ports
    servers = {"imap": f"imap://127.0.0.1:{imap}", "smtp": f"smtp://127.0.0.1:{smtp}"}
    return {"address": "Shop@Clay.example", "token": PASSWORD, "folder": "INBOX", **servers, **changed}


async def test_each_value_is_checked_before_anything_is_kept(desk: Desk, mail: MailEmulator) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    assert "Пароль для программ" in (await owner.get("/settings/channels/email")).text
    for changed, words in (
        ({"address": "shop"}, "не похоже на адрес почты"),
        ({"imap": "http://x"}, "не похоже на адрес почтового сервера"),
        ({"token": "wrong"}, "127.0.0.1 не принимает"),
        ({"folder": "Заказы"}, "нет папки «Заказы»"),
        ({"imap": "imap://127.0.0.1:1"}, "127.0.0.1 не отвечает"),
        ({"smtp": "smtp://127.0.0.1:1"}, "127.0.0.1 не отвечает"),
    ):
        refused = await owner.post("/settings/channels/email", form(mail, **changed))
        assert (refused.status, words in refused.text) == (409, True), refused.text
    query = sa.select(sa.func.count()).where(ChannelAccount.channel == "email")
    assert await desk.db.read(lambda session: session.scalar(query)) == 0


async def test_a_mailbox_is_connected_and_tried(desk: Desk, mail: MailEmulator) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    assert (await owner.post("/settings/channels/email", form(mail))).status == 204
    query = sa.select(ChannelAccount).where(ChannelAccount.channel == "email")
    row = await desk.db.read(lambda session: session.scalars(query).one())
    shop = await desk.db.read(lambda session: session.get_one(Shop, desk.ours.shop_id).name)
    assert (row.external_id, row.settings["receive"], row.settings["sender"]) == (SHOP, "polling", shop)
    kept = orjson.loads(accounts.secret_of(SecretBox(KEY), row))
    assert kept["token"] == PASSWORD
    assert len(kept["webhook_secret"]) >= 43
    page = (await owner.get(f"/channels/{row.id}")).text
    assert PASSWORD not in page
    assert "webhook" not in page, "nobody brings letters to us"
    assert (await owner.post(f"/channels/{row.id}/receive", {"receive": "webhook"})).status == 404
    assert (await owner.post(f"/channels/{row.id}/test", {})).status in (200, 204)
    [letter] = mail.program(desk.ours.owner.email).received
    assert shop in letter.text
    mail.plan(Trouble.REFUSED)
    refused = await owner.post(f"/channels/{row.id}/test", {})
    assert (refused.status, "не принято" in refused.text) == (409, True)
    assert (await owner.post("/settings/channels/email", form(mail))).status == 409, "twice would read it twice"
    assert (await owner.post(f"/channels/{row.id}/token", {"token": "wrong"})).status == 409
