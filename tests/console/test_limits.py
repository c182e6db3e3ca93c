"""Own sets of rights: what a limit hides is hidden at every address, in every list, file and event."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import tasks
from automation.tables import Task
from automation.tasks import About, Wanted
from catalog import stock
from catalog.tables import Variant, Warehouse
from company import rights_sets, staff
from company.rights_sets import Answers
from company.tables import RightsSet, Role, Sees, Shop, Staff
from customers import cards, contacts
from inbox import conversations, messages, searching
from inbox.content import Media, MediaKind
from inbox.tables import Conversation
from operator_console import guards
from operator_console.app import ROUTES
from orders import details
from orders.tables import Order
from payments import manual
from payments.tables import Refund
from storage.files import record
from storage.tables import EventRow
from tests.console import trade
from tests.console.desk import Browser, Desk
from tests.console.test_rights import addresses, form_of, order_of

NAME, ASKED, SAID, PHONE, MAIL, NOTE, WISH = (
    *("Агриппина", "Тайнова", "жемчужную", "9995550123"),
    *("agrippina@mail.example", "скидочница", "позвонить дважды"),
)
SECRETS = (NAME, SAID, "999 555-01-23", PHONE, MAIL, NOTE, WISH)
"""What nobody should read who does not see this buyer; ASKED is looked for and not looked at: a page repeats it."""

GETS = [route for route in ROUTES if route.method == "GET"]
POSTS = [route for route in ROUTES if route.method == "POST" and "{id" in route.path]


async def limited(desk: Desk, **answers: Any) -> Browser:
    """The colleague's browser; she has the set, which is a manager's with limits."""
    asked = {"name": "Своё", "role": Role.MANAGER, "sees": Sees.OWN, **answers}

    def give(session: Session) -> None:
        shop = session.get_one(Shop, desk.ours.shop_id)
        own = rights_sets.add(session, shop, Answers(**asked), actor="staff:1")
        staff.give_role(session, desk.ours.colleague.id, shop, Role.OPERATOR, own=own, actor="staff:1")

    await desk.db.write(give)
    return await desk.signed_in(desk.ours.colleague)


def lead(session: Session, talk_id: int, person: Staff) -> None:
    conversations.take(session, session.get_one(Conversation, talk_id), session.get_one(Staff, person.id))


async def a_secret_buyer(desk: Desk) -> dict[str, str]:
    """Anna is another's buyer from now on, full of secrets: the ids by their names."""
    blob = await desk.files.save(b"a secret plan", limit=1000)
    file = await desk.db.write(lambda session: record(session, blob, name=f"{SAID}.pdf", mime="application/pdf"))
    plan = Media(MediaKind.DOCUMENT, file_id=file.id, name=f"{SAID}.pdf", mime="application/pdf")
    await desk.hears("Анна Ветрова", f"Хочу {SAID} вазу, {ASKED}", (plan,))

    def fill(session: Session) -> dict[str, str]:
        talk = session.get_one(Conversation, desk.ours.anna)
        customer = cards.get(session, talk.customer_id or 0, desk.ours.shop_id)
        cards.remember(session, customer, name=f"{NAME} {ASKED}", note=NOTE, tags=[NOTE], city=NOTE, actor="bot")
        contacts.add(session, customer, PHONE, actor="bot")
        contacts.add(session, customer, MAIL, actor="bot")
        lead(session, talk.id, desk.ours.operator)
        messages.note(session, talk, NOTE, session.get_one(Staff, desk.ours.operator.id))
        room = session.get_one(Warehouse, desk.ours.warehouse_id)
        stock.receive(session, session.get_one(Variant, desk.ours.mug.id), room, 9, actor="bot")
        order = order_of(session, desk.ours)
        order.recipient, order.comment, order.phone = NAME, WISH, f"+7{PHONE}"
        details.assign(session, order, desk.ours.operator.id, actor="bot")
        shop, owner = session.get_one(Shop, desk.ours.shop_id), session.get_one(Staff, desk.ours.owner.id)
        about = About(conversation_id=talk.id, order_id=order.id, customer_id=customer.id)
        tasks.add(session, shop, Wanted(f"Спросить: {SAID}", desk.ours.operator.id), by=owner, about=about)
        while searching.catch_up(session):
            """Everything is found from now on."""
        return {"conversation": str(talk.id), "order": str(order.id), "customer": str(customer.id)}

    return await desk.db.write(fill)


async def walk(desk: Desk, browser: Browser, ids: dict[str, str], walked: Sequence[tuple[Any, str]]) -> dict[str, str]:
    """What each address says to this person, asked for by everything that there is to ask by."""
    asks = [{}, dict.fromkeys(("q", "who", "text"), ASKED), {**ids, "with": ids["customer"], "layout": "table"}]
    said: dict[str, str] = {}
    for route, path in walked:
        lists = [{"view": view} for view in ("all", "waiting", "closed")] if path in ("/tasks", "/inbox/list") else []
        for query in (*asks, *lists):
            if route.path == "/live/events":
                continue
            address = f"{path}?{urlencode(query)}" if query else path
            answer = await (browser.fragment(address) if query else browser.get(address))
            assert answer.status < 500, f"{address}: {answer.text[:200]}"
            said[path] = said.get(path, "") + f"<{answer.status}>{answer.text}"
    return said


async def test_no_address_tells_of_anothers_buyer(desk: Desk) -> None:
    """Asked for by one who sees free conversations too: who sees only his own sees less."""
    ids = await a_secret_buyer(desk)
    walked = await addresses(desk, desk.ours, GETS)
    about = {"conversation_id": int(ids["conversation"]), "order_id": int(ids["order"])}
    await desk.db.write(lambda session: session.execute(sa.update(Task).values(**about, title=SAID)))

    told = await walk(desk, await desk.signed_in(desk.ours.owner), ids, walked)
    telling = {path for path, text in told.items() if any(secret in text for secret in SECRETS)}
    assert len(telling) > 20, "the walk finds nothing even for the one who sees everything"

    browser = await limited(
        desk, sees=Sees.OWN_AND_FREE, purchase_prices=True, totals=True, export=True, refund_most=None
    )
    heard = await walk(desk, browser, ids, walked)
    for (route, path), text in zip(walked, (heard.get(path, "") for _route, path in walked), strict=True):
        leaks = [secret for secret in SECRETS if secret in text]
        assert not leaks, f"{path} tells {leaks}"
        if route.path.partition("/{id")[0] in guards.THINGS and "{id" in route.path:
            assert "<200>" not in text, f"{path} opens"
            assert "<404>" in text or "<403>" in text, path


async def test_nothing_of_anothers_buyer_can_be_changed(desk: Desk) -> None:
    ids = await a_secret_buyer(desk)
    walked = await addresses(desk, desk.ours, POSTS)
    about = {"conversation_id": int(ids["conversation"]), "order_id": int(ids["order"])}
    await desk.db.write(
        lambda session: session.execute(sa.update(Task).values(**about, assignee_id=desk.ours.owner.id))
    )
    browser, form = await limited(desk, refund_most=None), form_of(desk.ours)
    guarded = [path for route, path in walked if route.path.partition("/{id")[0] in guards.THINGS]
    before = await desk.position()
    for path in guarded:
        assert (await browser.post(path, form)).status in (403, 404), path
    bulk = {"act": "close", "ids": ids["conversation"]}
    orders = {"act": "assign", "ids": f"{ids['order']}-1-1", "staff": str(desk.ours.colleague.id)}
    mine = await desk.hears("Борис", "Я ваш")
    await desk.db.write(lead, mine, desk.ours.colleague)
    boris = str((await desk.conversation(mine)).customer_id)
    before = await desk.position()
    named = [
        ("/inbox/bulk", bulk),
        ("/orders/bulk", orders),
        ("/tasks", {**form, "title": "Узнать", "conversation": ids["conversation"]}),
        ("/tasks", {**form, "title": "Узнать", "order": ids["order"]}),
        ("/tasks", {**form, "title": "Узнать", "customer": ids["customer"]}),
        ("/orders/new", {"customer": ids["customer"], "key": "0123456789abcdef"}),
        ("/orders/new", {"customer": boris, "conversation": ids["conversation"], "key": "0123456789abcdef"}),
        (f"/customers/{boris}/merge", {"with": ids["customer"]}),
        (f"/customers/{boris}/apart", {"other": ids["customer"]}),
    ]
    for path, said in named:
        assert (await browser.post(path, said)).status == 404, f"{path} {said}"
    assert await desk.position() == before


def test_each_address_of_a_thing_is_guarded_or_everybodys() -> None:
    kinds = {route.path.partition("/{id")[0] for route in ROUTES if "{id" in route.path}
    assert kinds - guards.THINGS.keys() - guards.EVERYBODYS == {"/jobs", "/customer-imports"}, (
        "say in operator_console.guards whose it is"
    )


async def test_ones_own_buyers_are_all_there(desk: Desk) -> None:
    mine, free = await desk.hears("Борис Орлов", "Есть блюдо?"), await desk.hears("Вера", "А чашки?")

    def take(session: Session) -> tuple[int, int]:
        lead(session, mine, desk.ours.colleague)
        lead(session, desk.ours.anna, desk.ours.operator)
        anothers = order_of(session, desk.ours)
        details.assign(session, anothers, desk.ours.colleague.id, actor="bot")
        return anothers.id, order_of(session, desk.ours).id

    kept, hidden = await desk.db.write(take)
    browser = await limited(desk)
    page = (await browser.get("/inbox")).text
    assert "Борис Орлов" in page
    assert "Анна Ветрова" not in page
    assert "Вера" not in page
    assert [(await browser.get(path)).status for path in (f"/inbox/{mine}", f"/inbox/{free}")] == [200, 404]
    assert [(await browser.get(f"/orders/{id_}")).status for id_ in (kept, hidden)] == [200, 404]
    set_id = await desk.db.read(lambda session: session.scalars(sa.select(RightsSet.id)).one())
    form = {"name": "Своё и ничьё", "role": "operator", "sees": "free", "refund_most": "0", "version": "1"}
    owner = await desk.signed_in(desk.ours.owner)
    assert (await owner.post(f"/rights/{set_id}", form)).status == 204
    assert (await browser.get(f"/inbox/{free}")).status == 200
    assert (await browser.post(f"/inbox/{free}/take")).status == 204
    assert (await desk.conversation(free)).assignee_id == desk.ours.colleague.id


async def test_what_is_anothers_is_not_heard_of(desk: Desk) -> None:
    mine = await desk.hears("Борис Орлов", "Есть блюдо?")

    def take(session: Session) -> None:
        lead(session, mine, desk.ours.colleague)
        lead(session, desk.ours.anna, desk.ours.operator)

    await desk.db.write(take)
    browser = await limited(desk)
    position = await desk.position()
    await desk.hears("Анна Ветрова", "Не для всех")
    async with browser.listening(f"/live/events?after={position}") as missed:
        await desk.hears("Анна Ветрова", "И это не для всех")
        await desk.db.write(lambda session: order_of(session, desk.ours))
        await desk.hears("Борис Орлов", "А вот это вам")
        told = await missed.next()
        while told.get("id", 0) <= position:
            told = await missed.next()
        assert told["kind"] == "message_added"
        assert told["topics"] == [["conversation", mine]]

        def give_away(session: Session) -> None:
            talk = session.get_one(Conversation, mine)
            conversations.assign(session, talk, desk.ours.operator.id, reason="")

        await desk.db.write(give_away)
        assert (await missed.next("conversation_assigned"))["topics"] == [["conversation", 0]]


async def test_totals_prices_and_files_are_there_for_those_who_may(desk: Desk) -> None:
    def price(session: Session) -> None:
        session.get_one(Variant, desk.ours.mug.id).purchase_price = 77700
        order = order_of(session, desk.ours)
        manual.confirm(session, order, amount=order.total, actor="bot", key="0123456789abcdef", method="cash")

    await desk.db.write(price)
    customer = (await desk.conversation(desk.ours.anna)).customer_id
    pages = {
        "/orders": "board-sum",
        "/customers": "Оплачено всего",
        f"/customers/{customer}": "покупки",
        f"/inbox/{desk.ours.anna}/context": "покупки",
        f"/products/{desk.ours.product_id}": "777",
    }
    files = ("/orders/export", "/customers/export", "/products/export")
    browser = await limited(desk, sees=Sees.ALL, purchase_prices=True, totals=True, export=True)
    for path, mark in pages.items():
        assert mark in (await browser.get(path)).text, path
    assert [(await browser.get(path)).status for path in files] == [200, 200, 200]

    def take_away(session: Session) -> None:
        (own,) = rights_sets.of_shop(session, desk.ours.shop_id)
        answers = Answers(name="Своё", role=Role.MANAGER)
        rights_sets.change(session, own.shop_id, own.id, answers, version=own.version, actor="staff:1")

    await desk.db.write(take_away)
    for path, mark in pages.items():
        answer = await browser.get(path)
        assert answer.status == 200
        assert mark not in answer.text, path
    assert [(await browser.get(path)).status for path in files] == [403, 403, 403]
    kept = {"sku": "TUM-300", "price": "1450", "purchase": "1", "active": "on"}
    assert (await browser.post(f"/variants/{desk.ours.mug.id}", kept)).status < 300
    found = await desk.db.read(lambda session: session.get_one(Variant, desk.ours.mug.id))
    assert found.purchase_price == 77700


async def test_refunds_and_discounts_go_up_to_the_limit(desk: Desk) -> None:
    def pay(session: Session) -> tuple[int, int]:
        order, other = order_of(session, desk.ours), order_of(session, desk.ours)
        paid = manual.confirm(session, order, amount=order.total, actor="bot", key="0123456789abcdef", method="cash")
        return paid.id, other.id

    paid, order = await desk.db.write(pay)
    browser = await limited(desk, sees=Sees.ALL, refund_most=50000, discount_most=10)

    async def give_back(sum_: str, key: str) -> tuple[int, str]:
        form = {"amount": sum_, "reason": "скол", "key": key * 16}
        answer = await browser.post(f"/payments/{paid}/refund", form)
        return answer.status, answer.text

    status, words = await give_back("500,01", "a")
    assert status == 409
    assert "500" in words
    assert (await give_back("300", "b"))[0] == 204
    assert (await give_back("300", "c"))[0] == 409
    assert (await give_back("200", "d"))[0] == 204
    assert await desk.db.read(lambda session: session.scalar(sa.select(sa.func.sum(Refund.amount)))) == 50000
    assert (await browser.post(f"/orders/{order}/discount", {"amount": "145,01"})).status == 409
    assert (await browser.post(f"/orders/{order}/discount", {"amount": "145"})).status == 204
    found = await desk.db.read(lambda session: session.get_one(Order, order))
    assert found.discount == 14500


async def test_who_has_a_limit_is_told_when_the_discount_shrinks_with_the_goods(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await limited(desk, sees=Sees.ALL, discount_most=10)
    assert (await browser.post(f"/orders/{made.id}/discount", {"amount": "290"})).status == 204
    line = {"line": str(made.lines[0].id)}
    assert (await browser.post(f"/orders/{made.id}/lines", line | {"quantity": "3"})).toast == ""
    fewer = await browser.post(f"/orders/{made.id}/lines", line | {"quantity": "1"})
    assert fewer.toast == "Скидка теперь 145\N{NO-BREAK SPACE}₽: она уменьшается вместе с товарами"
    assert (await trade.now(desk, made)).discount == 14500


async def test_an_owner_makes_gives_changes_and_removes_a_set(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    form = {
        "name": " Стажёр ",
        "role": "operator",
        "sees": "own",
        "refund_most": "",
        "discount_most": "5",
        "totals": "on",
    }
    assert (await owner.post("/settings/rights", form)).status == 204
    assert (await owner.post("/settings/rights", form)).status == 409, "the name is taken"
    for wrong in (
        {"name": " "},
        {"role": "owner"},
        {"sees": "deliveries"},
        {"refund_most": "-1"},
        {"discount_most": "x"},
    ):
        answer = await owner.post("/settings/rights", form | {"name": "Другой"} | wrong)
        assert answer.status == 409, wrong
        assert "набора прав" in answer.text
    (own,) = await desk.db.read(rights_sets.of_shop, desk.ours.shop_id)
    assert (own.name, own.refund_most, own.discount_most, own.totals, own.export) == ("Стажёр", None, 5, True, False)
    given = await owner.post(f"/staff/{desk.ours.colleague.id}/role", {"role": f"set-{own.id}"})
    assert given.status == 204
    page = (await owner.get("/settings")).text
    assert f'<option value="set-{own.id}" selected>Стажёр</option>' in page
    assert "Софья Белова" in (await owner.get("/settings/rights")).text
    assert (await owner.post(f"/rights/{own.id}/remove", {"version": "1"})).status == 409, "somebody has it"
    renamed = form | {"name": "Младший", "role": "accountant", "version": "1"}
    assert (await owner.post(f"/rights/{own.id}", renamed)).status == 204
    assert (await owner.post(f"/rights/{own.id}", renamed)).status == 409, "another version was seen"
    sofya = await desk.signed_in(desk.ours.colleague)
    assert "Младший" in (await sofya.get("/me")).text
    assert (await sofya.get("/settings/rights")).status == 403
    assert (await sofya.post("/inbox/bulk", {"act": "close", "ids": "1"})).status == 403, "an accountant does not talk"
    assert (await owner.post(f"/staff/{desk.ours.colleague.id}/role", {"role": "operator"})).status == 204
    assert (await owner.post(f"/rights/{own.id}/remove", {"version": "2"})).status == 204

    def log(session: Session) -> list[str]:
        kinds = ("rights_set_changed", "role_given")
        rows = session.scalars(sa.select(EventRow).where(EventRow.kind.in_(kinds)).order_by(EventRow.id))
        return [row.payload.get("what") or row.payload["rights_set"] or row.payload["role"] for row in rows]

    assert await desk.db.read(log) == ["added", "Стажёр", "changed", "operator", "removed"]
    page = (await owner.get("/settings")).text.partition('id="rights-changes"')[2].partition("</details>")[0]
    told = [html.unescape(line) for line in re.findall("<li><span>(.*?)</span><small>Ил", page)]
    assert told == [
        "Набор «Младший» удалён",
        "Софья Белова: оператор, раньше бухгалтер",
        "Набор «Младший» изменён. Было: название — Стажёр; роль — оператор",
        "Софья Белова: Стажёр, раньше оператор",
        "Новый набор «Стажёр»",
    ]
