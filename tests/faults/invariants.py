"""What must hold when everything has come to rest, whatever happened on the way.

`QUERIES` ask the database alone: each must find nothing. `Reckoning` compares the database with what Telegram and
YooKassa saw, which no crash of the hub can have falsified.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels.base import read_button
from company.tables import ChannelAccount
from emulators.telegram.phones import Shown, shown
from emulators.telegram.world import Chat
from inbox.tables import Author, Conversation, Delivery, Message
from kit.clock import now_ms
from storage.tables import Job
from tests.faults.place import MERCHANT, Place

HOLDING = "('new', 'approval', 'assembling')"
"""Groups of stages in which an order keeps goods reserved."""

QUERIES = {
    "dead jobs": "SELECT id FROM job WHERE state = 'dead'",
    "jobs left over": "SELECT id FROM job WHERE state = 'ready' AND run_at <= :now",
    "messages stuck": "SELECT id FROM message WHERE delivery IN ('queued', 'sending')",
    "messages failed": "SELECT id FROM message WHERE delivery = 'failed'",
    "inbound twice": "SELECT external_id FROM message WHERE author = 'buyer' GROUP BY account_id, external_id"
    " HAVING COUNT(*) > 1",
    "stock out of bounds": "SELECT variant_id FROM stock WHERE reserved < 0 OR reserved > on_hand",
    "stock not its journal": "SELECT s.variant_id FROM stock s WHERE s.on_hand <> (SELECT COALESCE(SUM(m.quantity), 0)"
    " FROM stock_move m WHERE m.variant_id = s.variant_id AND m.warehouse_id = s.warehouse_id)",
    "reserved not its promises": "SELECT s.variant_id FROM stock s WHERE s.reserved <> (SELECT"
    " COALESCE(SUM(r.quantity), 0) FROM reservation r WHERE r.variant_id = s.variant_id"
    " AND r.warehouse_id = s.warehouse_id)",
    "promises not the open orders": 'SELECT l.order_id, l.variant_id FROM order_line l JOIN "order" o'
    ' ON o.id = l.order_id JOIN stage g ON g.id = o.stage_id GROUP BY l.order_id, l.variant_id, g."group"'
    f' HAVING CASE WHEN g."group" IN {HOLDING} THEN SUM(l.quantity) ELSE 0 END <> (SELECT'
    " COALESCE(SUM(r.quantity), 0) FROM reservation r"
    " WHERE r.owner = 'order:' || l.order_id AND r.variant_id = l.variant_id)",
    "shipped not written off": 'SELECT l.order_id, l.variant_id FROM order_line l JOIN "order" o'
    " ON o.id = l.order_id JOIN stage g ON g.id = o.stage_id WHERE g.\"group\" IN ('delivery', 'complete')"
    " GROUP BY l.order_id, l.variant_id HAVING SUM(l.quantity) <> (SELECT COALESCE(-SUM(m.quantity), 0)"
    " FROM stock_move m WHERE m.subject = 'order:' || l.order_id AND m.variant_id = l.variant_id)",
    "money effect twice": "SELECT payment_id FROM ledger_entry GROUP BY payment_id, effect, effect_id"
    " HAVING COUNT(*) > 1",
    "order not its ledger": 'SELECT o.id FROM "order" o WHERE o.paid <> (SELECT COALESCE(SUM(e.amount), 0)'
    " FROM ledger_entry e JOIN payment p ON p.id = e.payment_id WHERE p.order_id = o.id) AND o.flag = ''",
    "shipped unpaid": "SELECT o.id FROM \"order\" o JOIN stage g ON g.id = o.stage_id WHERE o.payment_method = 'online'"
    " AND (g.code = 'paid' OR g.\"group\" IN ('assembling', 'delivery', 'complete'))"
    " AND o.paid <> o.total AND o.flag = ''",
    "history with gaps": "SELECT order_id FROM stage_move GROUP BY order_id HAVING MIN(seq) <> 1"
    " OR MAX(seq) <> COUNT(*)",
    "history no chain": "SELECT h.order_id FROM stage_move h JOIN stage_move p ON p.order_id = h.order_id"
    " AND p.seq = h.seq - 1 WHERE h.from_stage_id <> p.to_stage_id",
    "stage not its history": 'SELECT o.id FROM "order" o WHERE o.stage_id <> (SELECT h.to_stage_id FROM stage_move h'
    " WHERE h.order_id = o.id ORDER BY h.seq DESC LIMIT 1)",
    "move without its event": "SELECT h.order_id FROM stage_move h WHERE h.seq > 1 AND (SELECT COUNT(*) FROM event e"
    " WHERE e.kind = 'stage_moved' AND e.subject = 'order:' || h.order_id) <> (SELECT COUNT(*) - 1 FROM stage_move a"
    " WHERE a.order_id = h.order_id)",
    "order made twice": 'SELECT dedup_key FROM "order" WHERE dedup_key IS NOT NULL GROUP BY shop_id, dedup_key'
    " HAVING COUNT(*) > 1",
    "sums wrong": 'SELECT o.id FROM "order" o WHERE o.goods <> (SELECT SUM(l.price * l.quantity) FROM order_line l'
    " WHERE l.order_id = o.id) OR o.total <> o.goods - o.discount + o.delivery_price",
}


@dataclass(slots=True)
class Reckoning:
    """Counts of a run, and what was wrong: an empty `wrong` is a passed run."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def reckon(place: Place, in_window: set[int]) -> Reckoning:
    """Check everything. `in_window` are the messages that were being sent when a hub died."""
    result = Reckoning()
    with place.session() as session:
        for name, query in QUERIES.items():
            found = session.execute(sa.text(query), {"now": now_ms()} if ":now" in query else {}).all()
            result.wrong[name] += [str(tuple(row)) for row in found]
        account = session.scalars(sa.select(ChannelAccount).where(ChannelAccount.channel == "telegram")).one()
        _updates(place, session, account, result)
        for chat in place.telegram.cloud.world.chats.values():
            _chat(session, account, chat, in_window, result)
        _money(place, session, result)
        _totals(session, result)
    result.wrong = {name: found for name, found in result.wrong.items() if found}
    return result


def _updates(place: Place, session: Session, account: ChannelAccount, result: Reckoning) -> None:
    """Every update that was acknowledged is stored; none waits at Telegram."""
    made: set[int] = set()
    confirmed: set[int] = set()
    for line in place.journal.read_bytes().splitlines():
        fact = orjson.loads(line)
        if fact["kind"] == "update":
            (confirmed if fact["state"] == "confirmed" else made).add(fact["update_id"])
    prefix = f"in:{account.id}:"
    keys = session.scalars(sa.select(Job.dedup_key).where(Job.dedup_key.startswith(prefix)))
    stored = {int(key.removeprefix(prefix)) for key in keys if key}
    result.counts |= Counter(updates=len(made), acknowledged=len(confirmed), stored=len(stored))
    result.wrong["acknowledged, not stored"] += [str(number) for number in sorted(confirmed - stored)]
    result.wrong["left at Telegram"] += [str(number) for number in sorted(made - confirmed)]


def _chat(session: Session, account: ChannelAccount, chat: Chat, in_window: set[int], result: Reckoning) -> None:
    conversation = session.scalar(
        sa.select(Conversation).where(Conversation.account_id == account.id, Conversation.chat == str(chat.person.id))
    )
    on_phone = [shown(each) for each in chat.messages.values()]
    if conversation is None:
        result.wrong["chats without a conversation"] += [str(chat.person.id)] if on_phone else []
        return
    rows = list(
        session.scalars(
            sa.select(Message)
            .where(Message.conversation_id == conversation.id, Message.private.is_(False))
            .order_by(Message.id)
        )
    )
    _inbound(on_phone, [row for row in rows if row.author == Author.BUYER], result)
    _outbound(on_phone, [row for row in rows if row.author != Author.BUYER], in_window, result)


def _inbound(on_phone: list[Shown], rows: list[Message], result: Reckoning) -> None:
    said = [each.id for each in on_phone if not each.by_bot]
    result.wrong["unreadable"] += [f"message {row.id}" for row in rows if not _number(row)]
    kept = [number for row in rows if (number := _number(row))]
    result.counts["said by people"] += len(said)
    result.wrong["said, not kept"] += [str(number) for number in set(said) - set(kept)]
    result.wrong["kept, never said"] += [str(number) for number in set(kept) - set(said)]
    if kept != sorted(kept):
        result.wrong["inbound out of order"].append(str(kept))


def _outbound(on_phone: list[Shown], rows: list[Message], in_window: set[int], result: Reckoning) -> None:
    by_number = {_number(row): row for row in rows if row.external_id}
    arrived = {each.id: each for each in on_phone if each.by_bot}
    result.counts["messages sent"] += sum(row.delivery == Delivery.SENT for row in rows)
    result.counts["messages arrived"] += len(arrived)
    result.counts["unknown"] += sum(row.delivery == Delivery.UNKNOWN for row in rows)
    for number, row in by_number.items():
        if number not in arrived:
            result.wrong["sent, never arrived"].append(f"message {row.id}")
    _order_of_arrival(by_number, in_window, result)
    arrivals: Counter[int] = Counter(row.id for row in by_number.values())
    for number, each in arrived.items():
        if number in by_number:
            continue
        original = _same(each, [row for row in rows if row.id in in_window], arrivals)
        if original is None:
            result.wrong["doubled outside the window"].append(f"{each.text[:60]!r}")
        else:
            arrivals[original.id] += 1
    for row in rows:
        times = arrivals[row.id]
        result.counts["unknown that arrived"] += row.delivery == Delivery.UNKNOWN and times > 0
        result.counts["doubled inside the window"] += max(0, times - 1)
        if times > 2:
            result.wrong["arrived more than twice"].append(f"message {row.id} {row.delivery}: {row.text[:40]!r}")


def _order_of_arrival(by_number: dict[int, Message], in_window: set[int], result: Reckoning) -> None:
    """Messages arrive in the order in which they were said; one that had to be sent again may come later."""
    last = 0
    for row in (by_number[number] for number in sorted(by_number)):
        if row.id in in_window:
            continue
        if row.id < last:
            result.wrong["outbound out of order"].append(f"message {row.id} after {last}")
        last = max(last, row.id)


def _same(each: Shown, candidates: list[Message], arrivals: Counter[int]) -> Message | None:
    """The message of the window that this extra arrival is a copy of: by its buttons, else by its words.

    Words may be those of several messages, as with a payment link that was asked for twice: then of the one that
    arrived least often so far.
    """
    for button in each.buttons:
        if button.data:
            owner = read_button(button.data)[0]
            return next((row for row in candidates if row.id == owner), None)
    alike = [row for row in candidates if row.text == each.text]
    return min(alike, key=lambda row: arrivals[row.id], default=None)


def _money(place: Place, session: Session, result: Reckoning) -> None:
    """Our ledger is YooKassa's, payment by payment; no order was charged twice; no money went unnoticed."""
    ours: dict[str, int] = {
        str(provider_id): int(amount)
        for provider_id, amount in session.execute(
            sa.text(
                "SELECT p.provider_id, SUM(e.amount) FROM ledger_entry e JOIN payment p ON p.id = e.payment_id"
                " GROUP BY p.provider_id"
            )
        )
    }
    theirs = {row.payment_id: row.paid.amount - row.refunded.amount for row in place.yookassa.ledger()}
    for provider_id in ours.keys() | theirs.keys():
        if ours.get(provider_id, 0) != theirs.get(provider_id, 0):
            result.wrong["ledger not YooKassa's"].append(
                f"{provider_id}: {ours.get(provider_id, 0)} here, {theirs.get(provider_id, 0)} there"
            )
    charged = Counter(row.order for row in place.yookassa.ledger() if row.paid.amount > row.refunded.amount)
    result.wrong["charged twice"] += [f"order {order}" for order, times in charged.items() if times > 1]
    known = set(session.scalars(sa.text("SELECT provider_id FROM payment WHERE provider_id IS NOT NULL")))
    made = {payment.id for payment in place.yookassa.bank.payments.values() if payment.shop == MERCHANT}
    result.wrong["payments unknown to us"] += sorted(made - known)
    result.counts |= Counter(payments=len(made), paid=len(theirs), paid_minor_units=sum(theirs.values()))


def _totals(session: Session, result: Reckoning) -> None:
    for name, table in (("orders", '"order"'), ("stage moves", "stage_move"), ("money questions", "money_question")):
        result.counts[name] = session.execute(sa.text(f"SELECT COUNT(*) FROM {table}")).scalar_one()
    stages = session.execute(
        sa.text('SELECT g.code, COUNT(*) FROM "order" o JOIN stage g ON g.id = o.stage_id GROUP BY g.code')
    )
    for code, number in stages:
        result.counts[f"orders {code}"] = number


def _number(row: Message) -> int:
    """The message's number on the phone; 0 if it has none."""
    number = (row.external_id or "").rpartition(":")[2]
    return int(number) if number.isdecimal() else 0
