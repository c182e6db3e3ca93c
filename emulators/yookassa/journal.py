"""What happened to the money, one JSON line each, appended and never changed.

A test kills the program that takes the payments and then asks this file, which another process wrote, what the buyers
paid and got back.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

import orjson

from emulators.yookassa.records import JsonObject, Payment
from kit.money import Money

ORDER_KEY = "order"


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One payment that moved money: what the buyer paid and what came back, by the service's own books."""

    payment_id: str
    shop: str
    order: str | None
    paid: Money
    refunded: Money


class Journal:
    """Keeps the lines in memory and, given a path, in a file; with `durable` each line is on the disk on return."""

    def __init__(self, path: Path | None = None, *, durable: bool = False, order_key: str = ORDER_KEY) -> None:
        self.lines: list[JsonObject] = []
        self.order_key = order_key
        self._durable = durable
        self._file = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)

    def write(self, fact: str, payment: Payment, amount: Money, at: datetime, *, refund_id: str | None = None) -> None:
        line: JsonObject = {
            "at": at.isoformat(),
            "fact": fact,
            "shop": payment.shop,
            "payment": payment.id,
            "order": payment.metadata.get(self.order_key),
            "amount": amount.amount,
            "currency": amount.currency,
        }
        if refund_id is not None:
            line["refund"] = refund_id
        self.lines.append(line)
        if self._file is not None:
            self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            if self._durable:
                os.fsync(self._file.fileno())

    def ledger(self) -> list[LedgerRow]:
        return _ledger(self.lines)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def read_ledger(path: Path) -> list[LedgerRow]:
    """The books from a journal file. A last line without an end was cut by a crash and is left out."""
    whole = path.read_bytes().rpartition(b"\n")[0]
    return _ledger(orjson.loads(line) for line in whole.splitlines())


def _ledger(lines: Iterable[JsonObject]) -> list[LedgerRow]:
    rows: dict[str, LedgerRow] = {}
    for line in lines:
        if line["fact"] not in ("paid", "refunded"):
            continue
        amount = Money(line["amount"], line["currency"])
        nothing = Money(0, amount.currency)
        row = rows.get(line["payment"], LedgerRow(line["payment"], line["shop"], line["order"], nothing, nothing))
        paid, refunded = (
            (row.paid + amount, row.refunded) if line["fact"] == "paid" else (row.paid, row.refunded + amount)
        )
        rows[row.payment_id] = LedgerRow(row.payment_id, row.shop, row.order, paid, refunded)
    return list(rows.values())
