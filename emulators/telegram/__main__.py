"""Run the emulator in its own process: `python -m emulators.telegram --port 8081 --bot 42:TOKEN --person 7:Анна`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys
from pathlib import Path

from emulators.telegram import Bot, Person, Settings, TelegramEmulator


def _bot(text: str) -> Bot:
    token, _, name = text.partition("=")
    return Bot(token, name=name)


def _person(text: str) -> Person:
    number, _, name = text.partition(":")
    first_name, _, last_name = (name or f"Person {number}").partition(" ")
    return Person(int(number), first_name, last_name, phone=f"+7900{int(number) % 10**7:07}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emulators.telegram", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free one, which is printed")
    parser.add_argument("--bot", type=_bot, action="append", default=[], metavar="TOKEN[=NAME]")
    parser.add_argument("--person", type=_person, action="append", default=[], metavar="ID[:NAME]")
    parser.add_argument("--journal", type=Path, help="append here what arrives, as JSON lines")
    parser.add_argument("--fsync", action="store_true", help="bring each line of the journal to the disk")
    parser.add_argument("--snapshot", type=Path, help="folder that keeps the chats over a restart")
    parser.add_argument("--webhook-pace", type=float, default=1.0, help="scale of the pauses between webhook attempts")
    parser.add_argument("--flood-limits", action="store_true", help="refuse bots that write too fast, as Telegram does")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    emulator = TelegramEmulator(
        arguments.bot,
        arguments.person,
        settings=Settings(
            journal=arguments.journal,
            journal_fsync=arguments.fsync,
            snapshot=arguments.snapshot,
            webhook_pace=arguments.webhook_pace,
            flood_limits=arguments.flood_limits,
        ),
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stdout.write(f"{await emulator.start(arguments.host, arguments.port)}\n")
    sys.stdout.flush()
    await stop.wait()
    await emulator.stop()


if __name__ == "__main__":
    gc.set_threshold(50_000, 20, 50)  # messages are kept for good: looking through them often finds nothing
    asyncio.run(_serve(_arguments()))
