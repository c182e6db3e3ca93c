"""The courier: his page, what he may do there, and that nothing else opens."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import notifications, telling
from automation.tables import Notification
from company import staff
from company.rights import Right
from company.tables import Role, Shop
from operator_console.app import ROUTES
from orders import book, stages
from orders.tables import Group, Order, Stage
from storage.jobs import Job
from storage.tables import EventRow
from tests.console.desk import Browser, Desk
from tests.console.test_rights import addresses, ask, form_of, order_of

HIS_OWN = {
    *("/", "/deliveries", "/live/events", "/me", "/nav", "/notifications", r"/notifications/{id:\d{1,18}}"),
}
"""All that a courier may open."""


async def courier(desk: Desk) -> Browser:
    def give(session: Session) -> None:
        shop = session.get_one(Shop, desk.ours.shop_id)
        staff.give_role(session, desk.ours.colleague.id, shop, Role.COURIER, actor="staff:1")

    await desk.db.write(give)
    return await desk.signed_in(desk.ours.colleague)


async def two_orders(desk: Desk) -> tuple[int, int]:
    """One to be paid on receipt, being assembled, and another as it came."""

    def make(session: Session) -> tuple[int, int]:
        order, other = order_of(session, desk.ours), order_of(session, desk.ours)
        order.recipient, order.phone, order.address = "Анна Ветрова", "+79995550123", "Лесная, 5, кв. 7"
        order.payment_method, order.comment, order.note = "on_receipt", "Домофон не работает", "Спорит о цене"
        session.flush()
        stage = book.stage_of(session, order, "assembling")
        stages.enter(session, book.get(session, desk.ours.shop_id, order.id), stage, actor="bot")
        return order.id, other.id

    return await desk.db.write(make)


async def test_a_courier_delivers_what_he_was_given_and_sees_nothing_else(desk: Desk) -> None:
    order, other = await two_orders(desk)
    owner = await desk.signed_in(desk.ours.owner)
    sofya = desk.ours.colleague.id
    refused = await owner.post(f"/orders/{order}/courier", {"courier": str(sofya)})
    assert (refused.status, "роль курьера" in refused.text) == (409, True)
    browser = await courier(desk)
    assert (await browser.get("/")).headers["Location"] == "/deliveries"
    assert "Анна Ветрова" not in (await browser.get("/deliveries")).text
    assert (await owner.post(f"/orders/{order}/courier", {"courier": str(sofya)})).status == 204
    assert (await owner.post(f"/orders/{order}/courier", {"courier": str(sofya)})).status == 204
    table = (await owner.fragment(f"/orders?layout=table&courier={sofya}")).text
    assert (f'href="/orders/{order}"' in table, f'href="/orders/{other}"' in table) == (True, False)

    page = (await browser.get("/deliveries")).text
    for told in ("Анна Ветрова", "+79995550123", "Лесная, 5, кв. 7", "Кружка «Туман»", "Домофон", "1 450"):
        assert told in page.replace("\xa0", " ").replace("\u202f", " "), told
    assert "Спорит" not in page, "the note is for those who lead the order"
    way, done, cancelled = await desk.db.read(_stages, order)
    assert (f'"stage": "{way.id}"' in page, f'"stage": "{cancelled.id}"' in page) == (True, False)
    form = {"stage": str(way.id), "from": str(await desk.db.read(_stage, order)), "version": "1"}
    assert (await browser.post(f"/deliveries/{other}/move", form)).status == 404, "it is not his"
    refused = await browser.post(f"/deliveries/{order}/move", form | {"stage": str(cancelled.id)})
    assert refused.status == 409, "he does not cancel"
    assert (await browser.post(f"/deliveries/{order}/move", form)).status == 200
    assert (await browser.post(f"/deliveries/{order}/move", form)).status == 409, "it was moved already"
    moved = await browser.post(f"/deliveries/{order}/move", form | {"stage": str(done.id), "from": str(way.id)})
    assert moved.status == 200
    assert "Анна Ветрова" not in moved.text
    assert await desk.db.read(_stage, order) == done.id

    def log(session: Session) -> list[tuple[str, str]]:
        kinds = ("courier_given", "stage_moved")
        rows = session.scalars(sa.select(EventRow).where(EventRow.kind.in_(kinds)).order_by(EventRow.id))
        return [(row.kind, row.actor) for row in rows if row.actor.startswith("staff")]

    given = ("courier_given", f"staff:{desk.ours.owner.id}")
    assert await desk.db.read(log) == [given, *[("stage_moved", f"staff:{sofya}")] * 2]
    assert (await owner.post(f"/orders/{order}/courier", {"courier": ""})).status == 204
    history = re.sub("<[^>]+>", "", (await owner.get(f"/orders/{order}")).text.partition('class="history"')[2])
    assert history.index("Больше не везёт: Софья Белова") < history.index("Курьер: Софья Белова")


async def test_a_courier_is_told_of_a_delivery_and_led_to_his_page(desk: Desk) -> None:
    order, _other = await two_orders(desk)
    browser, owner = await courier(desk), await desk.signed_in(desk.ours.owner)
    async with browser.listening() as stream:
        await owner.post(f"/orders/{order}/courier", {"courier": str(desk.ours.colleague.id)})
        heard = await stream.next("courier_given")
        assert heard["topics"] == [["order", order]], "neither the customer nor the conversation"

    def tell(session: Session) -> int:
        event = session.scalars(sa.select(EventRow).where(EventRow.kind == "courier_given")).one()
        job = Job(id=1, lane="", kind=telling.NOTIFY, payload={"event_id": event.id}, attempts=1, created_ms=0)
        telling.tell(session, job)
        return session.scalars(sa.select(Notification.id)).one()

    told = await desk.db.write(tell)
    page = (await browser.get("/notifications")).text
    assert "Лесная, 5, кв. 7" in page
    assert 'href="/deliveries"' in page
    assert (await browser.fragment(f"/notifications/{told}")).status == 200
    me = (await browser.get("/me")).text
    assert ("delivery_given" in me, "order_paid" in me) == (True, False)
    assert (await browser.post("/me/notifications", {"sound": "on"})).status == 204
    chosen = await desk.db.read(notifications.choices, desk.ours.colleague.id)
    assert chosen.muted == ["delivery_given"]


async def test_no_other_page_opens_for_a_courier(desk: Desk) -> None:
    browser, form = await courier(desk), form_of(desk.ours)
    for route, path in await addresses(desk, desk.ours, ROUTES):
        if route.path in HIS_OWN or route.right is Right.OWN:
            assert route.method == "POST" or route.path in HIS_OWN, f"{path} opens for a courier"
            continue
        expected = 404 if route.path.startswith("/deliveries/") else 403
        assert (await ask(browser, route, path, form)).status == expected, path


def _stage(session: Session, order_id: int) -> int:
    return session.get_one(Order, order_id).stage_id


def _stages(session: Session, order_id: int) -> tuple[Stage, Stage, Stage]:
    order = session.get_one(Order, order_id)
    rows = session.scalars(sa.select(Stage).where(Stage.pipeline_id == order.pipeline_id)).all()
    by_group = {row.group: row for row in rows}
    return by_group[Group.DELIVERY], by_group[Group.COMPLETE], by_group[Group.CANCELLED]
