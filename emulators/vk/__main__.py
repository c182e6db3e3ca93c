"""Run the emulator in its own process: `python -m emulators.vk --port 8084 --community 77:TOKEN --person 7:Анна`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from emulators.vk import Community, Person, Settings, VkEmulator


def _community(text: str) -> Community:
    number, _, rest = text.partition(":")
    token, _, name = rest.partition("=")
    return Community(int(number), token, name=name)


def _person(text: str) -> Person:
    number, _, name = text.partition(":")
    first_name, _, last_name = (name or f"Person {number}").partition(" ")
    return Person(int(number), first_name, last_name)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emulators.vk", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8084, help="0 takes a free one, which is printed")
    parser.add_argument("--community", type=_community, action="append", default=[], metavar="ID:TOKEN[=NAME]")
    parser.add_argument("--person", type=_person, action="append", default=[], metavar="ID[:NAME]")
    parser.add_argument("--journal", type=Path, help="append here what arrives, as JSON lines")
    parser.add_argument("--fsync", action="store_true", help="bring each line of the journal to the disk")
    parser.add_argument("--snapshot", type=Path, help="folder that keeps the dialogs over a restart")
    parser.add_argument("--pace", type=float, default=1.0, help="scale of the pauses between deliveries of an event")
    parser.add_argument("--rate-limit", action="store_true", help="refuse more than 20 calls a second, as VK does")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    settings = Settings(
        journal=arguments.journal,
        journal_fsync=arguments.fsync,
        snapshot=arguments.snapshot,
        webhook_pace=arguments.pace,
        flood_limits=arguments.rate_limit,
    )
    emulator = VkEmulator(arguments.community, arguments.person, settings=settings)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stdout.write(f"{await emulator.start(arguments.host, arguments.port)}\n")
    sys.stdout.flush()
    await stop.wait()
    await emulator.stop()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
