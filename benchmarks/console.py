"""How long the console's pages take in a shop with a long past: `python -m benchmarks.console [--database …]`.

The hub runs in a process of its own on a database of benchmarks.bigshop; one browser asks for each page over a kept
connection, in turn, as often as is asked for. What is counted is the time from the request to the last byte. The weight
is that of the page itself, as a browser that takes gzip gets it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa

from benchmarks import bigshop, place, rounds
from catalog.tables import Product
from customers.tables import Customer
from inbox.tables import Conversation
from orders.tables import Order
from tests.faults.hub import COMMAND
from tests.ports import free_port

STARTS_WITHIN = 60.0

ALONE = f"from operator_console import rendered; rendered.MOST = 0; {COMMAND}"
"""A hub that renders each row for each who asks, as it does for the first of many."""

PACKED = {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "same-origin"}
"""What has a page packed (kit.packing)."""

GOAL = 150.0
"""Milliseconds that a page may take, 95 of 100 times."""


def pages(url: str) -> dict[str, str]:
    """Title → address, of things that the database has: the newest, where it matters the busiest."""
    engine = place.opened(url)
    with engine.connect() as connection:
        last = {entity: connection.scalar(sa.select(sa.func.max(entity.id))) or 0
                for entity in (Conversation, Order, Customer, Product)}  # fmt: skip
    engine.dispose()
    talk, order, customer, product = last.values()
    return {
        "inbox": "/inbox",
        "inbox: those who wait": "/inbox?view=waiting",
        "inbox: closed": "/inbox?view=closed",
        "inbox: one channel": "/inbox?channel=telegram",
        "inbox: search, a name": "/inbox/list?q=ветров",
        "inbox: search, a phone": "/inbox/list?q=900012345",
        "inbox: search, words said": "/inbox/list?q=глазурь+матовая",
        "thread, of thousands of messages": f"/inbox/{talk}",
        "thread, of a few": f"/inbox/{talk - 1}",
        "side menu's counts": "/nav?section=inbox",
        "board": "/orders",
        "table": "/orders?layout=table",
        "table, by sum, page 50": "/orders?layout=table&sort=total&page=50",
        "board: search, a name": "/orders?q=ветров",
        "table: search, a name": "/orders?layout=table&q=ветров",
        "table: search, two letters": "/orders?layout=table&q=ор",
        "order": f"/orders/{order}",
        "customers": "/customers",
        "customers, page 500": "/customers?page=500",
        "customers: search, a name": "/customers?q=ветров",
        "customers: search, a phone": "/customers?q=900012345",
        "customer": f"/customers/{customer}",
        "products": "/products",
        "products: search": "/products?q=кружку",
        "product": f"/products/{product}",
        "palette: a word": "/find?q=кружка",
        "palette: a name": "/find?q=ветров",
        "palette: a number": f"/find?q={1000 + order}",
        "settings": "/settings",
    }


@contextlib.contextmanager
def hub(url: str, folder: Path) -> Iterator[tuple[str, int]]:
    """A running hub's address and process."""
    port = free_port()
    path = place.configuration(folder, url, api="http://127.0.0.1:1", port=port, channels="")
    command = [sys.executable, "-c", ALONE, "run", "--config", str(path)]
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            if errors := [
                line
                for line in (folder / "hub.log").read_text().splitlines()
                if '"error"' in line and "WrongKey" not in line
            ]:
                print(errors[0], file=sys.stderr)


@contextlib.asynccontextmanager
async def signed_in(address: str, *, connections: int = 100) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser of so many connections at once; 0 for as many as are wanted."""
    jar, connector = aiohttp.CookieJar(unsafe=True), aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(
        address, cookie_jar=jar, auto_decompress=not connections, connector=connector
    ) as browser:
        deadline = time.monotonic() + STARTS_WITHIN
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with browser.get("/ready") as answer:
                    if answer.status == 200:
                        break
            if time.monotonic() > deadline:
                raise SystemExit("the hub did not come up")
            await asyncio.sleep(0.2)
        async with browser.get("/login") as answer:
            token = re.search(r'name="csrf" value="([^"]+)"', await answer.text())
        form = {"email": bigshop.OWNER, "password": bigshop.PASSWORD, "csrf": token[1] if token else ""}
        async with browser.post("/login", data=form, allow_redirects=False) as answer:
            if answer.status != 303:
                raise SystemExit(f"sign-in gave {answer.status}")
        yield browser


async def measure(browser: aiohttp.ClientSession, path: str, times: int) -> tuple[list[float], int]:
    """Milliseconds of each request, and the bytes of one."""
    took, weight = [], 0
    for _ in range(times):
        began = time.perf_counter()
        async with browser.get(path, headers=PACKED) as answer:
            body = await answer.read()
        took.append(1000 * (time.perf_counter() - began))
        if answer.status != 200:
            raise SystemExit(f"{path} gave {answer.status}: {body[:300]!r}")
        weight = len(body)
    return took, weight


async def run(address: str, pid: int, found: dict[str, str], times: int) -> list[list[Any]]:
    rows = []
    async with signed_in(address) as browser:
        for title, path in found.items():
            await measure(browser, path, 1)
            before = processor_seconds(pid)
            took, weight = await measure(browser, path, times)
            cpu = 1000 * (processor_seconds(pid) - before) / times
            p50, p95 = rounds.quantile(took, 0.5), rounds.quantile(took, 0.95)
            mark = "" if p95 < GOAL else "over the goal"
            rows.append([title, f"{p50:.0f}", f"{p95:.0f}", f"{cpu:.0f}", f"{weight / 1024:.1f}", mark])
            print(f"{title:40} p50 {p50:6.0f}  p95 {p95:6.0f}  cpu {cpu:5.0f}  {mark}", file=sys.stderr, flush=True)
    return rows


def processor_seconds(pid: int) -> float:
    """Seconds of processor that the process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="", help="of benchmarks.bigshop; made in a temporary folder by default")
    parser.add_argument("--part", type=float, default=1.0, help="of the full size, when it is made")
    parser.add_argument("--times", type=int, default=40)
    parser.add_argument("--only", default="", help="pages whose title has this")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prilavok-bench-") as name:
        folder = Path(name)
        url = asked.database or f"sqlite:///{folder}/big.db"
        if not asked.database:
            subprocess.run([sys.executable, "-m", "benchmarks.bigshop", url, "--part", str(asked.part)], check=True)
        found = {title: path for title, path in pages(url).items() if asked.only in title}
        with hub(url, folder) as (address, pid):
            rows = asyncio.run(run(address, pid, found, asked.times))
    print(
        f"load {os.getloadavg()[0]:.1f}, {len(rounds.PROCESSORS)} processors,"
        f" {asked.times} requests each, milliseconds\n"
    )
    print(rounds.table(["page", "p50", "p95", "processor", "KB", ""], rows))


if __name__ == "__main__":
    main()
