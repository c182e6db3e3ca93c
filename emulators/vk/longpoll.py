"""The long poll server of a community.

Source: https://dev.vk.com/api/bots-long-poll/getting-started
"""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import web

from emulators.telegram.world import Json
from emulators.vk.cloud import Cloud
from emulators.vk.keys import CLOUD

LONGEST = 90.0
"""Seconds that one request may wait."""

HISTORY_IS_GONE, KEY_IS_OLD, ALL_IS_LOST = 1, 2, 3
"""What `failed` says: go on from the given ts; ask for a new key; ask for a new key and a new ts."""

ROUTES = web.RouteTableDef()


@ROUTES.get(r"/longpoll/{group:\d+}")
async def check(request: web.Request) -> web.Response:
    cloud = request.app[CLOUD]
    try:
        log = cloud.community(int(request.match_info["group"])).log
    except StopIteration:
        return _answer({"failed": ALL_IS_LOST})
    if request.query.get("key") != log.key:
        return _answer({"failed": KEY_IS_OLD})
    try:
        number, wait = int(request.query["ts"]), float(request.query.get("wait", 25))
    except (KeyError, ValueError):
        return _answer({"failed": ALL_IS_LOST})
    events = log.since(number)
    if events is None:
        return _answer({"failed": HISTORY_IS_GONE, "ts": log.number})
    log.asked_from = number
    if not events:
        await _ring(cloud, number, int(request.match_info["group"]), min(wait, LONGEST))
        events = log.since(number) or []
    updates = [event.wire for event in events]
    if cloud.faults.doubled():
        updates += updates
    if cloud.faults.disordered():
        updates.reverse()
    for event in events:
        log.note(event, "fetched")
    return _answer({"ts": str(log.number), "updates": updates})


async def _ring(cloud: Cloud, number: int, group_id: int, wait: float) -> None:
    log = cloud.community(group_id).log
    bell = asyncio.Event()
    log.bells.add(bell)
    try:
        async with asyncio.timeout(wait):
            while log.number == number and not cloud.stopping.is_set():
                bell.clear()
                await bell.wait()
    except TimeoutError:
        return
    finally:
        log.bells.discard(bell)


def _answer(told: Json) -> web.Response:
    return web.Response(body=orjson.dumps(told), content_type="application/json")
