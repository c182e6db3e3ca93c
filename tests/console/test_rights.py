"""Every route of the console against everyone who may not have it. A new route is walked by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import customers.importing
from automation import notifications, tasks
from automation.holders import HOLDERS
from automation.notifications import About
from automation.tables import Notification, Task, Told
from automation.tasks import Wanted
from catalog import editing, goods, importing, pictures
from catalog.tables import Photo
from company import rights_sets, saved_views
from company.rights import RIGHTS, Right
from company.rights_sets import Answers
from company.tables import Listing, RightsSet, Role, Shop
from customers import cards, contacts, fields, merging
from customers.import_rows import Row
from customers.tables import Customer, Field, FieldKind, Merge
from inbox import canned, messages, scheduling
from inbox.content import Outgoing
from inbox.tables import Author, Conversation, ScheduledMessage
from kit.clock import now_ms, utc_now
from operator_console.app import ROUTES
from operator_console.routing import Route
from orders import checkout, pipelines
from orders.details import Details
from orders.tables import Order
from payments import accounts as payment_accounts
from payments import charging
from payments.tables import MoneyQuestion
from storage.files import Blob, record
from storage.tables import Job
from tests.console.desk import Answer, Browser, Desk, Store

CHANGES = [route for route in ROUTES if route.method == "POST"]
OF_A_THING = [route for route in ROUTES if "{id" in route.path]
OWNERS = [route for route in ROUTES if route.right not in RIGHTS[Role.OPERATOR]]

FORGED = (
    {"X-CSRF-Token": ""},
    {"X-CSRF-Token": "made up"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
)

Ids = dict[str, int | str]

THINGS: dict[str, Callable[[Session, Store], Ids]] = {
    "/inbox": lambda session, store: {
        "id": store.anna,
        "message": messages.thread(session, store.anna)[0].id,
        "planned": planned_of(session, store).id,
    },
    "/attachments": lambda session, store: {"id": messages.thread(session, store.anna)[0].id},
    "/orders": lambda session, store: {"id": order_of(session, store).id},
    "/deliveries": lambda session, store: {"id": order_of(session, store).id},
    "/payments": lambda session, store: {"id": charging.request(session, order_of(session, store), actor="bot").id},
    "/questions": lambda session, store: {"id": question_of(session, store).id},
    "/customers": lambda session, store: customer_of(session, store),
    "/merges": lambda session, store: {"id": merge_of(session, store).id},
    "/fields": lambda session, store: {"id": field_of(session, store).id},
    "/products": lambda session, store: {"id": store.product_id, "photo": photo_of(session, store).id},
    "/categories": lambda session, store: {
        "id": editing.add_category(session, session.get_one(Shop, store.shop_id), name="Кружки").id
    },
    "/customer-imports": lambda session, store: {"id": card_import_of(session, store)},
    "/imports": lambda session, store: {"id": import_of(session, store)},
    "/variants": lambda session, store: {"id": store.mug.id},
    "/replies": lambda session, store: {
        "id": canned.add(session, store.shop_id, name="привет", text="Здравствуйте!").id
    },
    "/pipelines": lambda session, store: {"id": pipelines.pipeline(session, store.shop_id).id},
    "/stages": lambda session, store: {"id": pipelines.pipeline(session, store.shop_id).stages[1].id},
    "/payment-accounts": lambda session, store: {"id": payment_accounts.online(session, store.shop_id).id},
    "/rights": lambda session, store: {"id": rights_set_of(session, store).id},
    "/staff": lambda session, store: {"id": store.colleague.id},
    "/channels": lambda session, store: {"id": store.account.id},
    "/tasks": lambda session, store: {"id": task_of(session, store).id},
    "/notifications": lambda session, store: {"id": notification_of(session, store).id},
    "/views": lambda session, store: {
        "id": saved_views.save(session, store.shop_id, store.owner.id, Listing.ORDERS, "Мои", "lead=me").id
    },
    "/jobs": lambda session, store: {"id": dead_job_of(session, store).id},
}
"""What an id stands for under each address. A new kind of address fails until it is said here."""


def planned_of(session: Session, store: Store) -> ScheduledMessage:
    talk, at = session.get_one(Conversation, store.anna), utc_now() + timedelta(hours=1)
    return scheduling.plan(session, talk, store.operator, Outgoing(text="Кружка есть"), at=at, client_key="planned")


def customer_of(session: Session, store: Store) -> Ids:
    customer = session.get_one(Customer, order_of(session, store).customer_id)
    return {"id": customer.id, "contact": contacts.add(session, customer, "a@mail.example", actor="bot").id}


def merge_of(session: Session, store: Store) -> Merge:
    kept, gone = (cards.add(session, session.get_one(Shop, store.shop_id), name=name) for name in ("Анна", "Аня"))
    return merging.merge(session, store.shop_id, kept.id, gone.id, actor="bot", holders=HOLDERS)


def field_of(session: Session, store: Store) -> Field:
    return fields.add(session, store.shop_id, name="Размер", kind=FieldKind.NUMBER)


def photo_of(session: Session, store: Store) -> Photo:
    file = record(session, Blob("0" * 64, 1, "image/png", 1, 1), public=True, shop_id=store.shop_id)
    return pictures.add_photo(session, goods.product(session, store.shop_id, store.product_id), file)


def rights_set_of(session: Session, store: Store) -> RightsSet:
    answers = Answers(name="Стажёр", role=Role.OPERATOR)
    return rights_sets.add(session, session.get_one(Shop, store.shop_id), answers, actor="staff:1")


def import_of(session: Session, store: Store) -> int:
    shop, headings = session.get_one(Shop, store.shop_id), ["Артикул", "Цена"]
    one = importing.begin(session, shop, name="goods.csv", headings=headings, purchase=True, actor="bot")
    importing.write_down(session, one.id, [(2, ["TUM-300", "1500"])], last=True)
    return one.id


def card_import_of(session: Session, store: Store) -> int:
    shop = session.get_one(Shop, store.shop_id)
    import_id = customers.importing.begin(session, shop, name="people.csv", actor="bot")
    row = Row(2, "Вера", (), (f"vera{shop.id}@mail.example",))
    customers.importing.take(session, shop, import_id, [row], actor="bot")
    return import_id


def order_of(session: Session, store: Store) -> Order:
    shop, talk = session.get_one(Shop, store.shop_id), session.get_one(Conversation, store.anna)
    customer = cards.get(session, talk.customer_id or 0, shop.id)
    wanted = [(store.mug.id, 1)]
    details = Details(phone="+79161112233")
    return checkout.make(session, shop, customer, wanted, details, actor="bot", conversation_id=talk.id)


def question_of(session: Session, store: Store) -> MoneyQuestion:
    order = order_of(session, store)
    payment = charging.request(session, order, actor="bot")
    of = {"shop_id": store.shop_id, "payment_id": payment.id, "order_id": order.id}
    question = MoneyQuestion(**of, kind="late_payment", amount=100, created_at=utc_now())
    session.add(question)
    session.flush()
    return question


def task_of(session: Session, store: Store) -> Task:
    wanted = Wanted("Перезвонить", store.operator.id)
    return tasks.add(session, session.get_one(Shop, store.shop_id), wanted, by=store.owner)


def notification_of(session: Session, store: Store) -> Notification:
    about = About(task_id=task_of(session, store).id, facts={"text": "Перезвонить"})
    told = notifications.tell(session, store.shop_id, store.owner.id, Told.TASK_DUE, about, key="event:1")
    assert told is not None
    return told


def dead_job_of(session: Session, store: Store) -> Job:
    talk = session.get_one(Conversation, store.anna)
    said = messages.say(session, talk, Outgoing(text="Кружка есть"), author=Author.BOT)
    job = session.scalars(sa.select(Job).where(Job.kind == "message.deliver").order_by(Job.id.desc())).first()
    assert job is not None
    assert str(said[0].id) in job.payload
    job.state, job.attempts, job.error, job.closed_at = "dead", 5, "ValueError", now_ms()
    return job


async def addresses(desk: Desk, store: Store, routes: Iterable[Route]) -> list[tuple[Route, str]]:
    """The routes as addresses of things that the store really has."""
    kept: dict[str, Ids] = {}
    found = []
    for route in routes:
        kind = route.path.partition("/{id")[0] if "{id" in route.path else ""
        if kind and kind not in kept:
            kept[kind] = await desk.db.write(THINGS[kind], store)
        found.append((route, address(route, kept.get(kind, {}))))
    return found


def address(route: Route, ids: Ids) -> str:
    known: Ids = {"channel": "telegram", **ids}
    return re.sub(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\})?)?\}", lambda match: str(known.get(match[1], 0)), route.path)


def form_of(store: Store) -> dict[str, str]:
    """A form that fits whatever a route wants to know of this store."""
    return {
        "text": "Здравствуйте",
        "key": "a key of sixteen",
        "quantity": "1",
        "reason": "передумали",
        "amount": "1",
        "name": "Анна",
        "version": "1",
        "price": "10",
        "counted": "3",
        "variant": str(store.mug.id),
        "product": str(store.product_id),
        "line": str(store.mug.id),
        "staff": str(store.colleague.id),
        "shop": str(store.shop_id),
        "warehouse": str(store.warehouse_id),
        "seen": "1",
        "when": "tomorrow",
        "seconds": "0",
        "up_to": "1",
        "what": "marketing",
    }


async def ask(browser: Browser, route: Route, path: str, form: dict[str, str]) -> Answer:
    if route.path == "/live/events":
        return Answer(200, "", {})  # a stream without end; test_live has it
    return await (browser.fragment(path) if route.method == "GET" else browser.post(path, form))


async def test_nobody_comes_in_without_signing_in(desk: Desk) -> None:
    browser = desk.stranger()
    for route in ROUTES:
        path = address(route, {"id": desk.ours.anna})
        if route.method == "GET":
            answer = await browser.get(path)
            assert (answer.status, answer.headers["Location"][:6]) == (303, "/login"), path
        else:
            assert (await browser.post(path, form_of(desk.ours))).status == 401, path


async def test_what_belongs_to_another_shop_is_not_there(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    for route, path in await addresses(desk, desk.foreign, OF_A_THING):
        assert (await ask(browser, route, path, form_of(desk.ours))).status == 404, f"{route.method} {path}"


async def test_nothing_breaks_at_what_is_ones_own(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    for route, path in await addresses(desk, desk.ours, ROUTES):
        answer = await ask(browser, route, path, form_of(desk.ours))
        assert answer.status not in (403, 405, 500), f"{route.method} {path}: {answer.text[:200]}"


async def test_a_forged_form_changes_nothing(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    walked = await addresses(desk, desk.ours, CHANGES)
    before = await desk.position()
    for _route, path in walked:
        for told in FORGED:
            assert (await browser.post(path, form_of(desk.ours), **told)).status == 403, f"{path} with {told}"
    assert await desk.position() == before


async def test_an_operator_does_not_have_what_is_the_owners(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    walked = await addresses(desk, desk.ours, OWNERS)
    before = await desk.position()
    for route, path in walked:
        assert (await ask(browser, route, path, form_of(desk.ours))).status == 403, f"{route.method} {path}"
    assert await desk.position() == before


def test_only_ones_own_things_are_changed_without_a_right_to_change() -> None:
    assert {route.path for route in CHANGES if route.right in (Right.OWN, Right.READ)} == {
        "/me/theme",
        "/me/language",
        "/me/shop",
        "/me/browsers",
        "/me/undo",
        "/me/away",
        "/me/password",
        "/me/messenger",
        "/me/notifications",
        "/notifications/read",
        r"/notifications/{id:\d{1,18}}/read",
        "/views",
        r"/views/{id:\d{1,18}}/rename",
        r"/views/{id:\d{1,18}}/shift",
        r"/views/{id:\d{1,18}}/remove",
    }


@pytest.mark.parametrize("path", ["/inbox/999999", "/inbox/99999999999999999999", "/inbox?view=nonsense"])
async def test_what_is_not_there_is_explained(desk: Desk, path: str) -> None:
    answer = await (await desk.signed_in(desk.ours.operator)).get(path)
    assert answer.status == 404
    assert "Traceback" not in answer.text


async def test_an_address_that_nothing_answers_is_explained_to_a_browser_alone(desk: Desk) -> None:
    page = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "en-GB"}
    for path in ("/nonsense", "/settings/channels/nothing/at/all", "/products/1/photos"):
        answer = await (await desk.signed_in(desk.ours.operator)).get(path, **page)
        assert (answer.status, "Здесь ничего нет" in answer.text) == (404, True), path
        answer = await desk.stranger().get(path, **page)
        assert (answer.status, "There is nothing here" in answer.text) == (404, True), path
    answer = await desk.stranger().get("/hooks/nobody/1")
    assert (answer.status, "<html" in answer.text) == (404, False)


async def test_a_failure_of_ours_is_told_by_a_number_alone(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def spoil(session: Session) -> None:
        order_of(session, desk.ours)
        session.get_one(Shop, desk.ours.shop_id).settings = {"delivery": "nonsense"}

    await desk.db.write(spoil)
    answer = await (await desk.signed_in(desk.ours.operator)).get(f"/inbox/{desk.ours.anna}")
    assert answer.status == 500
    number = re.search(r"Номер: ([0-9a-f]{8})", answer.text)
    assert number is not None
    assert number[1] in caplog.text
    assert "Traceback" not in answer.text
    assert "nonsense" not in answer.text
