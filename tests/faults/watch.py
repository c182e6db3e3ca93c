"""What a watcher of a town checks: at every step that nothing is wrong yet, at the end that nothing is missing.

The end alone would not do: what went back may have gone forward again by then, and what was doubled been taken back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import sqlalchemy as sa

from emulators.yookassa.records import Status
from kit.clock import now_ms
from payments.states import RefundStage, State
from tests.faults import queries
from tests.faults.house import Town

NOT_HERE = frozenset({"messages failed", "refunds never made"})
"""A clock that jumps a day lets a message be given up, and a bank that is asked for a refund may take its time."""

ALWAYS = {
    **queries.ALWAYS,
    "dead jobs": "SELECT kind, error FROM job WHERE state = 'dead'",
    "two threads of one chat": "SELECT chat FROM conversation GROUP BY account_id, chat HAVING COUNT(*) > 1",
    "one person twice": "SELECT external_id FROM identity GROUP BY account_id, external_id HAVING COUNT(*) > 1",
    "update stored twice": "SELECT dedup_key FROM job WHERE dedup_key IS NOT NULL GROUP BY dedup_key"
    " HAVING COUNT(*) > 1",
    "two live payments": "SELECT order_id FROM payment WHERE state IN ('new', 'pending', 'authorised')"
    " GROUP BY order_id HAVING COUNT(*) > 1",
    "flag without its question": "SELECT o.id FROM \"order\" o WHERE o.flag <> '' AND NOT EXISTS (SELECT 1 FROM"
    " money_question q WHERE q.order_id = o.id AND q.resolved_at IS NULL)",
    "question without its flag": "SELECT o.id FROM \"order\" o WHERE o.flag = '' AND EXISTS (SELECT 1 FROM"
    " money_question q WHERE q.order_id = o.id AND q.resolved_at IS NULL)",
    "late money unnoticed": 'SELECT o.id FROM "order" o JOIN stage g ON g.id = o.stage_id'
    " WHERE g.\"group\" = 'cancelled' AND o.paid > 0 AND o.flag = ''"
    " AND NOT EXISTS (SELECT 1 FROM money_question q WHERE q.order_id = o.id)",
    "too much money unnoticed": "SELECT o.id FROM \"order\" o WHERE o.paid > o.total AND o.flag = ''"
    " AND NOT EXISTS (SELECT 1 FROM money_question q WHERE q.order_id = o.id)",
}

_ALL_AT_ONCE = " UNION ALL ".join(
    f"SELECT '{name.replace(chr(39), chr(39) * 2)}' WHERE EXISTS ({query})" for name, query in ALWAYS.items()
)

_PAYMENT_ORDER = {state.value: place for place, state in enumerate(State)}
_REFUND_ORDER = {state.value: place for place, state in enumerate(RefundStage)}


class Watcher:
    """Remembers what was seen, for what may only grow or go forward."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._connection = town.reader.connect()
        self._places: dict[tuple[str, int], int] = {}
        self._counts: Counter[str] = Counter()
        self.resent: Counter[int] = Counter()
        """How often an operator had a message sent again."""
        self.steps = 0

    def close(self) -> None:
        self._connection.close()
        self._town.reader.dispose()

    def at_every_step(self) -> None:
        self.steps += 1
        wrong = list(self._connection.scalars(sa.text(_ALL_AT_ONCE)))
        assert not wrong, "; ".join(f"{name}: {self._rows(ALWAYS[name])[:3]}" for name in wrong)
        self._only_forward()
        self._only_more()
        self._acknowledged_is_stored()
        self._said_in_order()
        self._sent_once()
        self._no_money_from_nowhere()

    def at_the_end(self) -> None:
        self.at_every_step()
        for name, query in queries.AT_REST.items():
            if name in NOT_HERE:
                continue
            found = self._rows(query, **({"now": now_ms()} if ":now" in query else {}))
            assert not found, f"{name}: {found}"
        self._refunds_wait_for_the_bank_alone()
        self._said_is_kept()
        self._sent_has_arrived()
        self._ledger_is_the_banks()

    def nothing_is_undecided(self) -> None:
        """A day later every payment has ended in some way, and no goods are kept for one who never paid."""
        undecided = self._rows("SELECT id, state FROM payment WHERE state IN ('new', 'pending', 'authorised')")
        undecided += self._rows("SELECT id, state FROM refund WHERE state IN ('new', 'pending')")
        assert not undecided, f"undecided for ever: {undecided}"
        kept = self._rows(
            'SELECT o.id FROM "order" o JOIN stage g ON g.id = o.stage_id'
            " WHERE g.code = 'awaiting_payment' AND o.paid = 0 AND o.paid_at IS NULL AND o.reserved_until IS NOT NULL"
        )
        assert not kept, f"goods kept for ever for orders {kept}"

    def _rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._connection.execute(sa.text(query), values)]

    def _only_forward(self) -> None:
        for table, order in (("payment", _PAYMENT_ORDER), ("refund", _REFUND_ORDER)):
            for id_, state in self._rows(f"SELECT id, state FROM {table}"):
                place = order[str(state)]
                before = self._places.get((table, int(id_)), 0)
                assert place >= before, f"{table} {id_} went back to {state}"
                self._places[table, int(id_)] = place

    def _only_more(self) -> None:
        for table in ("ledger_entry", "stage_move", "event", "stock_move", "message", "money_question"):
            [(count,)] = self._rows(f"SELECT COUNT(*) FROM {table}")
            assert int(count) >= self._counts[table], f"rows of {table} have vanished"
            self._counts[table] = int(count)

    def _acknowledged_is_stored(self) -> None:
        keys = {
            str(key).rpartition(":")[2] for (key,) in self._rows("SELECT dedup_key FROM job WHERE lane LIKE 'in:%'")
        }
        lost = {str(number) for number in self._town.messenger.acknowledged} - keys
        assert not lost, f"acknowledged and not stored: {sorted(lost)}"

    def _said_in_order(self) -> None:
        last: dict[object, int] = defaultdict(int)
        said = "SELECT conversation_id, external_id FROM message WHERE author = 'buyer' ORDER BY id"
        for conversation, external in self._rows(said):
            number = int(str(external).rpartition(":")[2])
            assert number > last[conversation], f"message {external} after {last[conversation]}"
            last[conversation] = number

    def _sent_once(self) -> None:
        """A message arrives once; one that may be repeated, and of which nobody knew, at most twice."""
        messenger = self._town.messenger
        repeatable = {row[0] for row in self._rows("SELECT id FROM message WHERE repeatable")}
        for chat, phone in messenger.phones.items():
            arrived = Counter(shown.message_id for shown in phone)
            for message_id, times in arrived.items():
                again = message_id in repeatable and message_id in messenger.doubtful
                most = 1 + again + self.resent[message_id]
                assert times <= most, f"message {message_id} arrived {times} times, at most {most} are right"
            certain = [s.message_id for s in phone if s.message_id not in messenger.doubtful | set(self.resent)]
            assert certain == sorted(certain), f"chat {chat} got its messages out of order: {certain}"

    def _no_money_from_nowhere(self) -> None:
        theirs = {row.payment_id: row for row in self._town.cashier.journal.ledger()}
        sums = "SELECT p.provider_id, e.effect, SUM(e.amount) FROM ledger_entry e JOIN payment p ON p.id = e.payment_id"
        for provider_id, effect, amount in self._rows(f"{sums} GROUP BY p.provider_id, e.effect"):
            row = theirs.get(str(provider_id))
            there = 0 if row is None else (row.paid.amount if effect == "capture" else row.refunded.amount)
            assert abs(int(amount)) <= there, f"{effect} of {amount} entered, {there} at the bank"
        made = Counter(payment.metadata["payment"] for payment in self._town.cashier.bank.payments.values())
        assert not [token for token, times in made.items() if times > 1], "one payment was made twice at the bank"

    # At the end

    def _refunds_wait_for_the_bank_alone(self) -> None:
        undecided = {each.id for each in self._town.cashier.bank.refunds.values() if each.status is Status.PENDING}
        open_ = self._rows("SELECT id, state, provider_id FROM refund WHERE state IN ('new', 'pending')")
        left = [(id_, state) for id_, state, provider_id in open_ if provider_id not in undecided]
        assert not left, f"refunds never made: {left}"

    def _said_is_kept(self) -> None:
        said = {
            f"{update['message']['chat']['id']}:{update['message']['message_id']}"
            for update in self._town.messenger.updates
            if "message" in update
        }
        kept = {str(external) for (external,) in self._rows("SELECT external_id FROM message WHERE author = 'buyer'")}
        assert said == kept, f"said and not kept, or kept and not said: {sorted(said ^ kept)}"

    def _sent_has_arrived(self) -> None:
        places = {
            (f"{chat}:{shown.number}", shown.message_id)
            for chat, phone in self._town.messenger.phones.items()
            for shown in phone
        }
        sent = {
            (str(external), id_)
            for id_, external in self._rows("SELECT id, external_id FROM message WHERE delivery = 'sent'")
        }
        assert sent <= places, f"sent, and never arrived: {sorted(map(str, sent - places))}"
        content = {
            row[0]: row[1] for row in self._rows("SELECT id, text FROM message WHERE delivery = 'sent' AND version > 1")
        }
        shown_last = {
            (f"{chat}:{shown.number}", shown.message_id): shown.text
            for chat, phone in self._town.messenger.phones.items()
            for shown in phone
        }
        for place in sent:
            text = content.get(place[1])
            assert text is None or shown_last[place] == text, f"message {place[1]} shows an older version"

    def _ledger_is_the_banks(self) -> None:
        ours = {
            str(provider_id): int(amount)
            for provider_id, amount in self._rows(
                "SELECT p.provider_id, SUM(e.amount) FROM ledger_entry e JOIN payment p ON p.id = e.payment_id"
                " GROUP BY p.provider_id"
            )
        }
        theirs = {row.payment_id: row.paid.amount - row.refunded.amount for row in self._town.cashier.journal.ledger()}
        known = {str(row[0]) for row in self._rows("SELECT provider_id FROM payment WHERE provider_id IS NOT NULL")}
        assert set(self._town.cashier.bank.payments) <= known, "the bank has a payment that we do not know"
        for provider_id in ours.keys() | theirs.keys():
            here, there = ours.get(provider_id, 0), theirs.get(provider_id, 0)
            assert here == there, f"{provider_id}: {here} in the ledger, {there} at the bank"
        paid = {str(row[0]) for row in self._rows("SELECT provider_id FROM payment WHERE state = 'paid'")}
        assert theirs.keys() <= paid, "a payment that was paid does not say so"
        charged = Counter(
            row.order for row in self._town.cashier.journal.ledger() if row.paid.amount > row.refunded.amount
        )
        flagged = {str(row[0]) for row in self._rows("SELECT id FROM \"order\" WHERE flag <> ''")}
        twice = {order for order, times in charged.items() if times > 1 and order not in flagged}
        assert not twice, f"charged twice without a question: {twice}"
