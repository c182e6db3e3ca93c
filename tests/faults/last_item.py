"""Sixteen buyers want each of many single items, and two workers serve them: `python -m tests.faults.last_item`.

On SQLite the two workers share the hub's database; on PostgreSQL each has its own, and with `--processes` each is a
process. Every item is sold once, whoever is first.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, stock
from catalog.promises import OutOfStock
from catalog.tables import Warehouse
from company.tables import Shop
from customers.tables import Customer
from kit.clock import utc_now
from orders import checkout
from orders.details import Details
from storage import jobs
from storage.database import Database
from storage.jobs import Job, Step
from storage.worker import Worker
from tests.conftest import open_engine
from tests.faults.house import Databases
from tests.faults.queries import ALWAYS

BUYERS = 16
WORKERS = 2
WANT = "test.want"

PICKUP = Details("Анна Ветрова", "+79001234567", "pickup", "", "", "on_receipt")


@dataclass(slots=True)
class Report:
    place: str
    items: int
    seed: int
    sold: int = 0
    orders: int = 0
    oversold: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.wrong and self.sold == self.orders == self.items and self.oversold == 0

    def words(self) -> str:
        return (
            f"{'PASSED' if self.passed else 'FAILED'}: last item on {self.place}; {BUYERS} buyers, {WORKERS} workers, "
            f"{BUYERS * self.items} tries; sold {self.sold}/{self.items}, oversold {self.oversold}/{self.items}, "
            f"orders {self.orders}; seed {self.seed}, {round(self.seconds)} s"
            + (f"; WRONG: {', '.join(self.wrong)}" if self.wrong else "")
        )


def run(folder: Path, server: str, *, items: int, seed: int, processes: bool = False) -> Report:
    """Fill, let everyone want everything, count."""
    place = ("postgresql, two processes" if processes else "postgresql") if server else "sqlite"
    report = Report(place, items, seed)
    databases = Databases(folder, server)
    try:
        url = databases.fresh()
        _fill(url, items, seed)
        began = time.monotonic()
        if processes:
            _in_processes(url)
        else:
            asyncio.run(serve(url))
        report.seconds = time.monotonic() - began
        _count(url, report)
    finally:
        databases.close()
    return report


async def serve(url: str, workers: int = WORKERS) -> None:
    """Work until nothing is due."""
    databases = [Database(url, subscribers={})]
    if not databases[0].is_sqlite:
        databases += [Database(url, subscribers={}) for _ in range(workers - 1)]
    for db in databases:
        await db.start()
    crew = [Worker(databases[n % len(databases)], {WANT: Step(_want)}) for n in range(workers)]
    for worker in crew:
        await worker.start()
    await asyncio.gather(*(worker.idle(within=3600) for worker in crew))
    for worker in crew:
        await worker.stop()
    for db in databases:
        await db.close()


def _in_processes(url: str) -> None:
    command = [sys.executable, "-m", "tests.faults.last_item", "--serve", url]
    running = [subprocess.Popen(command) for _ in range(WORKERS)]
    ends = [process.wait() for process in running]
    assert ends == [0] * WORKERS, ends


def _fill(url: str, items: int, seed: int) -> None:
    """Items of one piece each, and a lane for each buyer, who wants them all in an order of his own."""
    dice = random.Random(seed)
    engine = open_engine(url)
    with Session(engine) as session:
        shop = session.scalars(sa.select(Shop)).one()
        room = session.scalars(sa.select(Warehouse)).one()
        product = editing.add_product(session, shop, name="Последняя кружка")
        variants = [editing.add_variant(session, product, sku=f"LAST-{n}", price=1000 + n) for n in range(items)]
        for variant in variants:
            stock.receive(session, variant, room, 1, reason="initial", actor="system")
        buyers = [Customer(shop_id=shop.id, name=f"Покупатель {n}", created_at=utc_now()) for n in range(BUYERS)]
        session.add_all(buyers)
        session.flush()
        wishes = [(buyer.id, variant.id) for buyer in buyers for variant in variants]
        dice.shuffle(wishes)
        for buyer, variant_id in wishes:
            jobs.put(session, WANT, {"buyer": buyer, "variant": variant_id}, lane=f"buyer:{buyer}")
        session.commit()
    engine.dispose()


def _want(session: Session, job: Job) -> None:
    buyer = session.get_one(Customer, job.payload["buyer"])
    shop = session.get_one(Shop, buyer.shop_id)
    lines = [(job.payload["variant"], 1)]
    try:
        checkout.make(session, shop, buyer, lines, PICKUP, actor="staff:1", dedup_key=f"want:{job.id}")
    except OutOfStock:
        return


def _count(url: str, report: Report) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:

        def one(query: str) -> int:
            return int(connection.scalar(sa.text(query)) or 0)

        sold = "FROM order_line l JOIN variant v ON v.id = l.variant_id WHERE v.sku LIKE 'LAST-%'"
        report.orders = one('SELECT COUNT(*) FROM "order"')
        report.sold = one(f"SELECT COUNT(DISTINCT l.variant_id) {sold}")
        report.oversold = one(f"SELECT COUNT(*) - COUNT(DISTINCT l.variant_id) {sold}")
        for name, query in ALWAYS.items():
            report.wrong += [name] * bool(connection.execute(sa.text(query)).all())
        report.wrong += ["jobs left over"] * bool(
            one(f"SELECT COUNT(*) FROM job WHERE kind = '{WANT}' AND state <> 'done'")
        )
    engine.dispose()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.last_item", description=__doc__)
    parser.add_argument("--size", type=int, default=100, help="how many single items")
    parser.add_argument("--seed", type=int, default=0, help="repeats a run's order; a random one by default")
    parser.add_argument("--database", default="", help="a PostgreSQL address; SQLite files by default")
    parser.add_argument("--processes", action="store_true", help="each worker is a process; on PostgreSQL only")
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    if options.serve:
        asyncio.run(serve(options.serve, workers=1))
        return 0
    if options.processes and not options.database:
        parser.error("--processes needs --database: an SQLite file has one hub")
    seed = options.seed or random.randrange(1, 10**6)
    with tempfile.TemporaryDirectory(prefix="prilavok-last-item-") as name:
        report = run(Path(name), options.database, items=options.size, seed=seed, processes=options.processes)
    print(report.words())
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
