"""A VK community is connected in the console by its key, when that opens all that the shop needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.channels import CONNECTORS
from company import accounts
from company.tables import ChannelAccount
from emulators.vk import Community, VkEmulator
from kit.secrets import SecretBox
from tests.console.desk import KEY, Desk

TOKEN = "vk1.a.key-of-the-connected-community"
POOR = "vk1.a.key-with-too-few-rights"


@pytest_asyncio.fixture(name="vk")
async def vk_fixture(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[VkEmulator]:
    communities = [
        Community(504_243, TOKEN, "Глина и лён", "glina_i_len"),
        Community(504_244, POOR, "Другое", rights=frozenset({"messages"})),
    ]
    emulator = VkEmulator(communities)
    monkeypatch.setitem(CONNECTORS, "vk", replace(CONNECTORS["vk"], api=await emulator.start()))
    yield emulator
    await emulator.stop()


async def test_a_community_is_connected_by_its_key_which_is_never_seen_again(desk: Desk, vk: VkEmulator) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    steps = (await owner.get("/settings/channels/vk")).text
    assert "«Работа с API»" in steps
    assert (await owner.post("/settings/channels/vk", {"token": TOKEN})).status == 204
    query = sa.select(ChannelAccount).where(ChannelAccount.channel == "vk")
    row = await desk.db.read(lambda session: session.scalars(query).one())
    assert (row.external_id, row.name, row.settings["username"]) == ("504243", "Глина и лён", "glina_i_len")
    kept = orjson.loads(accounts.secret_of(SecretBox(KEY), row))
    assert kept["token"] == TOKEN
    assert 16 <= len(kept["webhook_secret"]) <= 50
    assert TOKEN not in (await owner.get(f"/channels/{row.id}")).text
    again = await owner.post("/settings/channels/vk", {"token": TOKEN})
    assert again.status == 409


async def test_a_key_that_opens_too_little_is_told_which_rights_are_missing(desk: Desk, vk: VkEmulator) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    refused = await owner.post("/settings/channels/vk", {"token": POOR})
    assert refused.status == 409
    assert "manage, photos, docs" in refused.text
    unknown = await owner.post("/settings/channels/vk", {"token": "vk1.a.key-of-nobody"})
    assert unknown.status == 409
    query = sa.select(sa.func.count()).where(ChannelAccount.channel == "vk")
    assert await desk.db.read(lambda session: session.scalar(query)) == 0
