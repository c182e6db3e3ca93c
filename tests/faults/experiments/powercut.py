"""F4: the power fails at a random moment of one golden story, and what the disk keeps is opened again.

strace writes down what the hub did to its database and what it said to the world. A cut keeps what was synced before
it and a random half of the rest. What the hub had said by then is what it must still know: the updates that it
confirmed to Telegram, the keys under which it asked YooKassa for something, the messages that it began to send.
"""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.experiments.base import Ask, Experiment
from tests.faults.run import Trial, trade
from tests.faults.weather import FAIR

CALLS = "openat,close,pwrite64,fdatasync,fsync,ftruncate,unlink,sendto,write,writev,sendmsg"
FILES = ("shop.db", "shop.db-wal", "shop.db-journal")

_LINE = re.compile(r"^(\d+) +(.*)$")
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(.*)$")
_QUOTED = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_OFFSET = re.compile(rb'"offset": ?(\d+)')
_KEY = re.compile(rb"POST /v3/(payments|refunds) .*?Idempotence-Key: ([^\r\n]+)", re.DOTALL)
_SEND = re.compile(rb"POST /bot[^ ]+/[sS]end[A-Z]\w+ ")


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that the hub did: to a file ("write", "truncate", "sync", "unlink"), or to the world ("said")."""

    kind: str
    file: str = ""
    at: int = 0
    data: bytes = b""


async def cuts(ask: Ask) -> None:
    with tempfile.TemporaryDirectory(prefix="prilavok-powercut-") as name:
        work = Path(name)
        log = work / "strace.log"

        async def begin(trial: Trial) -> None:
            for each in trial.place.folder.glob("shop.db*"):
                shutil.copy(each, work / each.name)
            await trial.hub.start(traced=("-xx", "-s", "1000000", "-o", str(log), "-e", f"trace={CALLS}"))
            # strace stops it at every call.
            await trial.hub.ready(within=300)

        plan = ask.plan(database="", golden=True, buyers=1, others=0, visitors=0, weather=FAIR, latency=0.0)
        report = await trade(plan, None, 0, begin=begin)
        told = replay(work, list(deeds(log)), ask.size, random.Random(ask.seed))
        report.faults["power cuts"] += ask.size
        report.measured |= told
        if told["lost"] or told["corrupt"]:
            report.failures.append(f"{told['lost']} lost and {told['corrupt']} corrupt")
        if not told["confirmed updates checked"] or not told["keys checked"] or not told["sends checked"]:
            report.failures.append("nothing was there to be lost: the log could not be read")
        ask.told(report)


def replay(base: Path, done: list[Deed], trials: int, dice: random.Random) -> dict[str, int]:
    """Cut so many times, and count what was checked and what was gone."""
    told = defaultdict(int, {"lost": 0, "corrupt": 0, "deeds": len(done)})
    for _ in range(trials):
        cut = dice.randrange(1, len(done) + 1)
        with tempfile.TemporaryDirectory(prefix="prilavok-cut-") as name:
            folder = Path(name)
            for file, content in kept(base, done[:cut], dice).items():
                (folder / file).write_bytes(content)
            _compare(folder / "shop.db", said(done[:cut]), told)
    return dict(told)


def kept(base: Path, done: list[Deed], dice: random.Random) -> dict[str, bytearray]:
    """What is on the disk after a cut behind these deeds."""
    disk = {file: bytearray((base / file).read_bytes()) for file in FILES if (base / file).exists()}
    waiting: dict[str, list[Deed]] = defaultdict(list)
    for deed in done:
        if deed.kind in ("write", "truncate"):
            waiting[deed.file].append(deed)
        elif deed.kind == "sync":
            for each in waiting.pop(deed.file, []):
                _apply(disk.setdefault(deed.file, bytearray()), each)
        elif deed.kind == "unlink":
            disk.pop(deed.file, None)
            waiting.pop(deed.file, None)
    for file, deeds_ in waiting.items():
        for each in deeds_:
            if dice.random() < 0.5:
                _apply(disk.setdefault(file, bytearray()), each)
    return disk


def _apply(content: bytearray, deed: Deed) -> None:
    if deed.kind == "truncate":
        del content[deed.at :]
        content.extend(b"\0" * (deed.at - len(content)))
        return
    content.extend(b"\0" * (deed.at - len(content)))
    content[deed.at : deed.at + len(deed.data)] = deed.data


@dataclass(frozen=True, slots=True)
class Promises:
    """What the hub had told the world: every update below `offset` is stored, `keys` of payments and refunds are
    written down, and so many messages are marked as being sent."""

    offset: int
    keys: frozenset[tuple[str, str]]
    sends: int


def said(done: list[Deed]) -> Promises:
    words = [deed.data for deed in done if deed.kind == "said"]
    offsets = [int(found) for each in words for found in _OFFSET.findall(each)]
    keys = {(what.decode(), key.decode()) for each in words for what, key in _KEY.findall(each)}
    return Promises(max(offsets, default=0), frozenset(keys), sum(len(_SEND.findall(each)) for each in words))


def _compare(path: Path, promises: Promises, told: dict[str, int]) -> None:
    try:
        database = sqlite3.connect(path)
        healthy = database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        updates = {
            int(key.rpartition(":")[2])
            for (key,) in database.execute("SELECT dedup_key FROM job WHERE dedup_key LIKE 'in:%'")
        }
        keys = {("payments", key) for (key,) in database.execute("SELECT key FROM payment")}
        keys |= {("refunds", key) for (key,) in database.execute("SELECT key FROM refund")}
        begun = database.execute(
            "SELECT COUNT(*) FROM message WHERE author <> 'buyer' AND delivery IN ('sending', 'sent', 'unknown')"
        ).fetchone()[0]
        database.close()
    except sqlite3.DatabaseError:
        told["corrupt"] += 1
        return
    told["corrupt"] += not healthy
    first = 100_000_001
    confirmed = range(first, promises.offset)
    told["confirmed updates checked"] += len(confirmed)
    told["keys checked"] += len(promises.keys)
    told["sends checked"] += promises.sends
    told["lost"] += len(set(confirmed) - updates) + len(promises.keys - keys) + max(0, promises.sends - begun)


def deeds(log: Path) -> Iterator[Deed]:
    """What strace wrote down, in order. A write counts where it begins, a sync where it has ended."""
    files: dict[int, str] = {}
    begun: dict[str, str] = {}
    for line in log.read_text(encoding="ascii", errors="replace").splitlines():
        if (matched := _LINE.match(line)) is None:
            continue
        thread, call = matched.groups()
        ends = True
        if call.endswith("<unfinished ...>"):
            begun[thread] = call = call.removesuffix("<unfinished ...>")
            ends = False
            if call.startswith(("openat", "fdatasync", "fsync")):
                continue
        elif (resumed := _RESUMED.match(call)) is not None:
            call = begun.pop(thread, "") + resumed[1]
            if not call.startswith(("openat", "fdatasync", "fsync", "close")):
                continue
        yield from _deed(call, files, ends)


def _deed(call: str, files: dict[int, str], ends: bool) -> Iterator[Deed]:
    name, _, arguments = call.partition("(")
    quoted = b"".join(bytes.fromhex(each.replace("\\x", "")) for each in _QUOTED.findall(arguments))
    number = int(found[0]) if (found := re.match(r"\d+", arguments)) else -1
    match name:
        case "openat":
            result = arguments.rpartition("= ")[2]
            if result.isdecimal():
                files[int(result)] = Path(quoted.decode(errors="replace")).name
        case "close":
            if ends:
                files.pop(number, None)
        case "pwrite64" if files.get(number) in FILES:
            offset = int(arguments.split("=")[0].rstrip(" )").rpartition(", ")[2])
            yield Deed("write", files[number], offset, quoted)
        case "ftruncate" if files.get(number) in FILES:
            yield Deed("truncate", files[number], int(re.findall(r"\d+", arguments)[1]))
        case "fdatasync" | "fsync" if files.get(number) in FILES:
            yield Deed("sync", files[number])
        case "unlink":
            yield Deed("unlink", Path(quoted.decode(errors="replace")).name)
        case "sendto" | "write" | "writev" | "sendmsg" if number not in files and quoted:
            yield Deed("said", data=quoted)


F4 = Experiment("power cuts of the hub's SQLite file during a golden story", cuts, release=400, quick=40)
