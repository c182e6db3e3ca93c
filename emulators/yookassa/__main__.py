"""Run the emulator by itself: python -m emulators.yookassa --port 8082 --shop 100500:test_key:http://127.0.0.1:8080/hook"""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from emulators.yookassa.emulator import YooKassaEmulator
from emulators.yookassa.records import Shop


def shop_from(text: str) -> Shop:
    """`id:secret`, and after another colon the address for notifications."""
    number, secret, *rest = text.split(":", 2)
    return Shop(number, secret, webhook_url=rest[0] if rest else None)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emulators.yookassa", description="YooKassa that moves no money")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8082)
    parser.add_argument("--public-url", help="the address that buyers' browsers see")
    parser.add_argument("--shop", action="append", type=shop_from, required=True, metavar="ID:SECRET[:WEBHOOK]")
    parser.add_argument("--journal", type=Path, help="file for what happened to the money")
    parser.add_argument("--durable-journal", action="store_true", help="force every line of it to the disk")
    parser.add_argument("--snapshot", type=Path, help="folder that keeps the state over a restart")
    parser.add_argument("--pause-scale", type=float, default=1.0, help="multiplies the pauses between notifications")
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    emulator = YooKassaEmulator(
        options.shop,
        journal=options.journal,
        durable_journal=options.durable_journal,
        snapshot=options.snapshot,
        public_url=options.public_url,
        pause_scale=options.pause_scale,
    )
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    print(f"{await emulator.start(options.host, options.port)}/v3", flush=True)  # noqa: T201
    await stopped.wait()
    await emulator.stop()


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
