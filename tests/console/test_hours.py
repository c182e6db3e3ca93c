"""The shop's hours and clock, kept in the settings, and the waiting that is counted by them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from company import settings, shops
from company.settings import Hours, WorkingHours
from inbox.tables import Conversation
from kit.clock import utc_now
from tests.console.desk import Desk

WEEK = {
    f"{what}-{n}": value for n in range(5) for what, value in (("open", "on"), ("opens", "10:00"), ("closes", "19:30"))
}


async def kept(desk: Desk) -> WorkingHours:
    return await desk.db.read(lambda session: settings.of(shops.get(session, desk.ours.shop_id)).hours)


async def test_an_owner_says_when_the_shop_works(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    form = {**WEEK, "days_off": "31.12.2026, 2027-01-01"}
    assert (await browser.post("/settings/hours", form)).status == 204
    day = Hours(opens=time(10), closes=time(19, 30))
    assert await kept(desk) == WorkingHours(
        week=(day,) * 5 + (None, None), days_off=(date(2026, 12, 31), date(2027, 1, 1))
    )
    page = (await browser.get("/settings")).text
    assert 'value="19:30"' in page
    assert "31.12.2026, 01.01.2027" in page
    assert (await browser.post("/settings/hours", {"always": "on"})).status == 204
    assert await kept(desk) == WorkingHours()


@pytest.mark.parametrize(
    "wrong", [{"opens-0": "25:00"}, {"closes-0": "09:00"}, {"days_off": "32.12.2026"}, {"days_off": "завтра"}]
)
async def test_hours_that_make_no_sense_are_refused_with_what_was_wrong(desk: Desk, wrong: dict[str, str]) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    answer = await browser.post("/settings/hours", WEEK | wrong)
    assert answer.status == 409
    assert next(iter(wrong.values())) in answer.text
    assert await kept(desk) == WorkingHours()


async def test_the_shops_clock_is_chosen_and_pages_go_by_it(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    form = {"name": "Глина и лён", "locale": "ru"}
    assert (await browser.post("/settings/shop", form | {"timezone": "Asia/Omsk"})).status == 204
    assert (await browser.post("/settings/shop", form | {"timezone": "Луна/Море"})).status == 409
    page = (await browser.get(f"/inbox/{desk.ours.anna}")).text
    assert f"{utc_now().astimezone(ZoneInfo('Asia/Omsk')):%H:}" in page


async def test_who_wrote_at_night_has_not_waited_long_in_the_morning(desk: Desk) -> None:
    """Anna has waited for an hour of which the shop was open for no minute, then for all of them."""
    browser = await desk.signed_in(desk.ours.operator)

    def waits(session: Session, week: tuple[Hours | None, ...]) -> None:
        session.get_one(Conversation, desk.ours.anna).waiting_since = datetime.now(UTC) - timedelta(hours=1)
        shop = shops.get(session, desk.ours.shop_id)
        settings.change(session, shop, hours=WorkingHours(week=week).model_dump())

    await desk.db.write(waits, (None,) * 7)
    assert "waiting-bad" not in (await browser.get("/inbox")).text
    await desk.db.write(waits, (Hours(opens=time(0), closes=time(0)),) * 7)
    assert "waiting-bad" in (await browser.get("/inbox")).text
