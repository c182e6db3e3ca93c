"""What must hold, whatever happened on the way.

`tests.faults.queries` ask the database alone; `broken` runs those that hold at any moment. `reckon` compares the
database besides with what Telegram, YooKassa and the visitors saw, which no crash of the hub can have falsified.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import doubts
from company.tables import ChannelAccount
from emulators.telegram.phones import Shown
from inbox.tables import Author, Conversation, Delivery, Message
from kit.clock import now_ms
from storage.files import FileStore
from storage.tables import Job, StoredFile
from tests.faults.messengers import Messenger, Talk
from tests.faults.place import MERCHANT, Place
from tests.faults.queries import ALWAYS, AT_REST, WHOLE_STORIES
from tests.faults.visitor import Window

WITH_THE_BUYER = (Delivery.SENT, Delivery.DELIVERED, Delivery.READ)


@dataclass(slots=True)
class Reckoning:
    """Counts of a run, and what was wrong: an empty `wrong` is a passed run."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, slots=True)
class Seen:
    """What excuses a copy of a message: `window` are those that were being sent when a hub died or lost its database,
    `unheard` those, by chat and number on the phone, that arrived while the answer to their call was lost. Where doubts
    `stay`, what is not confirmed may have arrived. What was `put_off`, until its messenger tells of it, may be late."""

    window: frozenset[int]
    unheard: frozenset[tuple[str, int]]
    stay: bool
    put_off: frozenset[int]


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as the hub keeps it, and its number on the phone; 0 if it does not stand there."""

    row: Message
    number: int


def broken(place: Place) -> dict[str, list[str]]:
    """What does not hold in the database this moment although it always must; empty if all is well."""
    with place.session() as session:
        return _ask(session, ALWAYS)


def reckon(place: Place, in_window: set[int], windows: Sequence[Window] = (), *, sure: bool = True) -> Reckoning:
    """Check everything. `in_window` are the messages that were being sent when a hub died; with `sure` they excuse
    nothing where the messenger clears doubts up."""
    result = Reckoning()
    with place.session() as session:
        result.wrong |= _ask(session, ALWAYS | AT_REST)
        for messenger in place.messengers:
            _messenger(session, messenger, frozenset(in_window), sure, result)
        for window in windows:
            _visit(session, window, result)
        _money(place, session, result)
        _files(place, session, result)
        _totals(session, result)
    if not sure:
        # What seems to have been tried for a day is given up, and told of.
        result.counts["given up by a wrong clock"] = len(result.wrong.pop("messages failed", ()))
    result.wrong = {name: found for name, found in result.wrong.items() if found}
    return result


def _ask(session: Session, queries: dict[str, str]) -> dict[str, list[str]]:
    wrong: dict[str, list[str]] = defaultdict(list)
    for name, query in queries.items():
        rows = session.execute(sa.text(query), {"now": now_ms()} if ":now" in query else {}).all()
        wrong[name] += [str(tuple(row)) for row in rows]
    return defaultdict(list, {name: found for name, found in wrong.items() if found})


def _messenger(session: Session, messenger: Messenger, window: frozenset[int], sure: bool, result: Reckoning) -> None:
    """Every event that was confirmed is stored, none waits, and each chat is here as it is on the phone."""
    account = session.scalars(sa.select(ChannelAccount).where(ChannelAccount.channel == messenger.channel)).one()
    told = messenger.told()
    prefix = f"in:{account.id}:"
    keys = session.scalars(sa.select(Job.dedup_key).where(Job.dedup_key.startswith(prefix)))
    stored = {key.removeprefix(prefix) for key in keys if key}
    result.counts["updates"] += len(told.made)
    result.counts["acknowledged"] += len(told.confirmed)
    result.counts["stored"] += len(stored)
    result.counts["answers lost"] += len(told.unheard)
    result.wrong["acknowledged, not stored"] += sorted(told.confirmed - stored)
    result.wrong["left at the messenger"] += sorted(told.made - told.confirmed)
    unheard = told.unheard
    if messenger.clears_doubts and not sure:
        # A doubt that seems a day old is not cleared up any more.
        unheard = frozenset((talk.name, each.id) for talk in messenger.talks() for each in talk.messages)
    stay = not (sure and messenger.clears_doubts)
    waited = session.scalars(sa.select(Job.payload).where(Job.kind == doubts.SETTLE))
    put_off = frozenset(orjson.loads(payload)["message_id"] for payload in waited)
    seen = Seen(window if stay else frozenset(), unheard, stay, put_off)
    for talk in messenger.talks():
        _talk(session, account, messenger, talk, seen, result)


def _visit(session: Session, window: Window, result: Reckoning) -> None:
    """Everything that the hub said was stored is kept once, and in the order in which it was said."""
    account = session.scalars(sa.select(ChannelAccount).where(ChannelAccount.channel == "webchat")).one()
    rows = session.scalars(
        sa.select(Message.external_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Conversation.account_id == account.id, Conversation.chat == window.chat)
        .where(Message.author == Author.BUYER)
        .order_by(Message.id)
    )
    kept = [(external or "").rpartition(":")[2] for external in rows]
    prefix = f"in:{account.id}:{window.chat}:"
    keys = session.scalars(sa.select(Job.dedup_key).where(Job.dedup_key.startswith(prefix)))
    stored = {(key or "").removeprefix(prefix) for key in keys}
    said = [each for each in window.said if each.acknowledged]
    result.counts["said in the web chat"] += len(window.said)
    result.counts["acknowledged in the web chat"] += len(said)
    result.wrong["acknowledged in the web chat, not stored"] += [each.key for each in said if each.key not in stored]
    words = [each.key for each in said if each.what != "press"]
    if kept != words:
        result.wrong["web chat not as it was said"].append(f"{len(kept)} kept, {len(words)} said")


def _talk(
    session: Session, account: ChannelAccount, messenger: Messenger, talk: Talk, seen: Seen, result: Reckoning
) -> None:
    name, on_phone = talk.name, talk.messages
    conversation = session.scalar(
        sa.select(Conversation).where(Conversation.account_id == account.id, Conversation.chat == name)
    )
    if conversation is None:
        result.wrong["chats without a conversation"] += [f"{messenger.channel} {name}"] if on_phone else []
        return
    numbers = {f"{name}:{external}": number for external, number in talk.numbers.items()}
    rows = session.scalars(
        sa.select(Message)
        .where(Message.conversation_id == conversation.id, Message.private.is_(False))
        .order_by(Message.id)
    )
    kept = [Kept(row, numbers.get(row.external_id or "", 0)) for row in rows]
    said = [each for each in kept if each.row.author == Author.BUYER]
    on_screen = [each for each in said if not messenger.off_screen((each.row.external_id or "").partition(":")[2])]
    _inbound(on_phone, on_screen, result)
    sent = [each for each in kept if each.row.author != Author.BUYER]
    _outbound(messenger, talk, sent, seen, result)


def _inbound(on_phone: Sequence[Shown], said: Sequence[Kept], result: Reckoning) -> None:
    there = [each.id for each in on_phone if not each.by_bot]
    result.wrong["unreadable"] += [f"message {each.row.id}" for each in said if not each.number]
    kept = [each.number for each in said if each.number]
    result.counts["said by people"] += len(there)
    result.wrong["said, not kept"] += [str(number) for number in set(there) - set(kept)]
    result.wrong["kept, never said"] += [str(number) for number in set(kept) - set(there)]
    if kept != sorted(kept):
        result.wrong["inbound out of order"].append(str(kept))


def _outbound(messenger: Messenger, talk: Talk, sent: Sequence[Kept], seen: Seen, result: Reckoning) -> None:
    rows, window = [each.row for each in sent], seen.window
    unheard = {number for whose, number in seen.unheard if whose == talk.name}
    by_number = {each.number: each.row for each in sent if each.row.external_id}
    arrived = {each.id: each for each in talk.messages if each.by_bot}
    result.counts["messages sent"] += sum(row.delivery in WITH_THE_BUYER for row in rows)
    result.counts["messages arrived"] += len(arrived)
    result.counts["unknown"] += sum(row.delivery == Delivery.UNKNOWN for row in rows)
    result.wrong["sent, never arrived"] += [f"message {row.id}" for n, row in by_number.items() if n not in arrived]
    arrivals: Counter[int] = Counter(row.id for row in by_number.values())
    doubtful = set(window | seen.put_off)
    for number, each in arrived.items():
        if number in by_number:
            continue
        # Its call was answered to nobody: any message may be the one that it is, or is a copy of.
        excused = [row for row in rows if row.id in window or (seen.stay and row.delivery == Delivery.UNKNOWN)]
        original = _same(messenger, each, rows if number in unheard else excused, arrivals)
        if original is None:
            result.wrong["doubled outside the window"].append(f"{messenger.channel} {talk.name}: {each.text[:60]!r}")
        else:
            arrivals[original.id] += 1
            doubtful.add(original.id)
    _order_of_arrival(messenger.channel, by_number, doubtful, result)
    for row in rows:
        times = arrivals[row.id]
        result.counts["unknown that arrived"] += row.delivery == Delivery.UNKNOWN and times > 0
        result.counts["doubled inside the window"] += max(0, times - 1)
        if times > 2:
            result.wrong["arrived more than twice"].append(f"message {row.id} {row.delivery}: {row.text[:40]!r}")


def _order_of_arrival(channel: str, by_number: dict[int, Message], doubtful: set[int], result: Reckoning) -> None:
    """Messages arrive in the order in which they were said; one that had to be sent again may come later."""
    last: Message | None = None
    for row in (by_number[number] for number in sorted(by_number)):
        if row.id in doubtful:
            continue
        if last is not None and row.id < last.id:
            result.wrong["outbound out of order"].append(f"{channel}: message {row.id} after {last.id}")
            continue
        last = row


def _same(messenger: Messenger, each: Shown, candidates: list[Message], arrivals: Counter[int]) -> Message | None:
    """The message of the window that this extra arrival is a copy of: by what it says of itself, else by its words.

    Words may be those of several messages, as with a payment link that was asked for twice: then of the one that
    arrived least often so far.
    """
    if owner := messenger.owner_of(each):
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
    asked = {str(order) for order in session.scalars(sa.text("SELECT order_id FROM money_question"))}
    twice = {str(order) for order, times in charged.items() if times > 1}
    parts = {str(order) for order in session.scalars(sa.text("SELECT order_id FROM refund"))}
    # Who gave a part back may be paid again for what is due then; money that does not fit is asked about.
    result.wrong["charged twice"] += [f"order {order}" for order in sorted(twice - asked - parts)]
    known = set(session.scalars(sa.text("SELECT provider_id FROM payment WHERE provider_id IS NOT NULL")))
    made = {payment.id for payment in place.yookassa.bank.payments.values() if payment.shop == MERCHANT}
    result.wrong["payments unknown to us"] += sorted(made - known)
    refunds = session.scalars(sa.text("SELECT provider_id FROM refund WHERE state = 'succeeded'")).all()
    lines = [orjson.loads(line) for line in place.money_journal.read_bytes().splitlines()]
    given = [line["refund"] for line in lines if line["fact"] == "refunded"]
    if sorted(refunds) != sorted(given):
        odd = sorted(set(refunds) ^ set(given))
        result.wrong["refunds not YooKassa's"].append(f"{len(refunds)} here, {len(given)} there, differ in {odd}")
    late = "SELECT COUNT(*) FROM money_question WHERE kind = 'late_payment'"
    result.counts |= Counter(payments=len(made), paid=len(theirs), paid_minor_units=sum(theirs.values()))
    result.counts |= Counter(refunds=len(given)) | Counter({"late money asked about": _count(session, late)})


def _files(place: Place, session: Session, result: Reckoning) -> None:
    """No row without its file. A file without a row is what a crash may leave; it is counted."""
    store = FileStore(place.folder / "files")
    named = set(session.scalars(sa.select(StoredFile.sha256)))
    there = {path.name for path in (place.folder / "files").glob("??/*") if not path.name.startswith(".new-")}
    result.counts["files without a row"] = len(there - named)
    result.wrong["rows without a file"] += [digest for digest in named if not store.path(digest).exists()]


def _totals(session: Session, result: Reckoning) -> None:
    for name, table in (("orders", '"order"'), ("stage moves", "stage_move"), ("money questions", "money_question")):
        result.counts[name] = _count(session, f"SELECT COUNT(*) FROM {table}")
    stages = session.execute(
        sa.text('SELECT g.code, COUNT(*) FROM "order" o JOIN stage g ON g.id = o.stage_id GROUP BY g.code')
    )
    for code, number in stages:
        result.counts[f"orders {code}"] = number
    for channel, number in session.execute(sa.text(WHOLE_STORIES)):
        result.counts[f"whole stories in {channel}"] = number


def _count(session: Session, query: str) -> int:
    return int(session.execute(sa.text(query)).scalar_one())
