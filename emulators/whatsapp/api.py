"""The Graph API over HTTP: `/v<version>/<object>`, and edges of objects below them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from emulators.telegram.breaking import broken
from emulators.telegram.faults import Fault, Trouble
from emulators.telegram.world import Json
from emulators.whatsapp import media, sending
from emulators.whatsapp.cloud import Account, Cloud
from emulators.whatsapp.errors import ApiError, wrong
from emulators.whatsapp.keys import CLOUD

ROUTES = web.RouteTableDef()

PAGE = 100

Act = Callable[[Account, Cloud, web.Request], Awaitable[Any]]


async def _messages(account: Account, cloud: Cloud, request: web.Request) -> Json:
    return sending.send(account, cloud, await _body(request))


async def _media(account: Account, cloud: Cloud, request: web.Request) -> Json:
    return await media.upload(account, cloud, request)


async def _set_webhook(account: Account, cloud: Cloud, request: web.Request) -> Json:
    """The number's own address instead of the app's. Meta looks whether it is theirs who say so."""
    wanted = (await _body(request)).get("webhook_configuration")
    if not isinstance(wanted, dict):
        raise wrong("webhook_configuration is required")
    url = str(wanted.get("override_callback_uri") or "")
    if url and not await account.postman.verify(url, str(wanted.get("verify_token") or "")):
        raise ApiError(2200, "The URL couldn't be validated. Callback verification failed")
    account.postman.url = url
    return {"success": True}


async def _subscribe(account: Account, cloud: Cloud, request: web.Request) -> Json:
    account.subscribed = True
    return {"success": True}


async def _subscribed(account: Account, cloud: Cloud, request: web.Request) -> Json:
    apps = [{"whatsapp_business_api_data": {"id": "67084061", "name": "Shop", "link": "https://example.com"}}]
    return {"data": apps if account.subscribed else []}


async def _number(account: Account, cloud: Cloud, request: web.Request) -> Json:
    told = {**_shown(account), "webhook_configuration": {"phone_number": account.postman.url}}
    wanted = [name for name in request.query.get("fields", "").split(",") if name]
    return {name: value for name, value in told.items() if not wanted or name in wanted or name == "id"}


async def _numbers(account: Account, cloud: Cloud, request: web.Request) -> Json:
    own = [each for each in cloud.numbers.values() if each.number.business == account.number.business]
    return {"data": [_shown(each) for each in own], "paging": {"cursors": {"before": "MAZDZD", "after": "MQZDZD"}}}


async def _templates(account: Account, cloud: Cloud, request: web.Request) -> Json:
    described = [each.described(n) for n, each in enumerate(account.number.templates)]
    start = int(request.query.get("after") or 0) if request.query.get("after", "0").isdigit() else 0
    limit = min(int(request.query.get("limit") or 25), PAGE)
    paging: Json = {"cursors": {"before": str(start), "after": str(start + limit)}}
    if start + limit < len(described):
        paging["next"] = f"{cloud.origin}{request.path}?after={start + limit}"
    counted = {"total_count": len(described), "message_template_count": len(described), "message_template_limit": 250}
    summary = {"summary": {**counted, "are_translations_complete": True}} if "summary" in request.query else {}
    return {"data": described[start : start + limit], "paging": paging, **summary}


async def _catalogs(account: Account, cloud: Cloud, request: web.Request) -> Json:
    return {
        "data": [{"id": str(account.number.catalog), "name": account.number.name}] if account.number.catalog else []
    }


def _shown(account: Account) -> Json:
    return {
        "id": str(account.number.id),
        "display_phone_number": account.number.phone,
        "verified_name": account.number.name,
        "quality_rating": "GREEN",
        "status": "LINKED",
        "code_verification_status": "VERIFIED",
    }


EDGES: dict[tuple[str, str, str], Act] = {
    ("number", "POST", "messages"): _messages,
    ("number", "POST", "media"): _media,
    ("number", "POST", ""): _set_webhook,
    ("number", "GET", ""): _number,
    ("business", "POST", "subscribed_apps"): _subscribe,
    ("business", "GET", "subscribed_apps"): _subscribed,
    ("business", "GET", "phone_numbers"): _numbers,
    ("business", "GET", "message_templates"): _templates,
    ("business", "GET", "product_catalogs"): _catalogs,
}


@ROUTES.get(r"/{version:v\d+\.\d+}/{object:\d+}")
@ROUTES.post(r"/{version:v\d+\.\d+}/{object:\d+}")
@ROUTES.get(r"/{version:v\d+\.\d+}/{object:\d+}/{edge:[a-z_]+}")
@ROUTES.post(r"/{version:v\d+\.\d+}/{object:\d+}/{edge:[a-z_]+}")
async def answer_call(request: web.Request) -> web.StreamResponse:
    cloud, edge = request.app[CLOUD], request.match_info.get("edge", "")
    try:
        account, act = _found(cloud, request, edge)
    except ApiError as error:
        return _refusal(error)
    name = edge or "object"
    cloud.counters["calls"] += 1
    cloud.counters[f"calls_{name}"] += 1
    if cloud.faults.latency:
        await asyncio.sleep(cloud.faults.latency)
    fault = None if cloud.faults.calm else cloud.faults.take(name, None)
    if fault is not None and not fault.after:
        return await _trouble(request, fault)
    answer = await _perform(account, cloud, request, name, act)
    return answer if fault is None else await _trouble(request, fault)


def _found(cloud: Cloud, request: web.Request, edge: str) -> tuple[Account, Act]:
    """Whose token it is and what is asked for. Raises what the API says to strangers and of what is not there."""
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("access_token", "")
    own = [each for each in cloud.numbers.values() if bearer and each.number.token == bearer]
    if not own:
        raise ApiError(190)
    asked = request.match_info["object"]
    if asked in cloud.media and request.method == "GET" and not edge:
        return own[0], _described
    number = next((each for each in own if str(each.number.id) == asked), None)
    business = next((each for each in own if str(each.number.business) == asked), None)
    account = number or business
    act = EDGES.get(("number" if number else "business", request.method, edge))
    if account is None or act is None:
        raise ApiError(33, f"Object with ID '{asked}' does not exist")
    right = "whatsapp_business_messaging" if number else "whatsapp_business_management"
    if right not in account.number.rights:
        raise ApiError(200, f"{right} is needed")
    if proof := request.query.get("appsecret_proof", ""):
        expected = hmac.new(account.number.app_secret.encode(), bearer.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(proof, expected):
            raise wrong("Invalid appsecret_proof provided in the API argument")
    return account, act


async def _described(account: Account, cloud: Cloud, request: web.Request) -> Json:
    return media.describe(account, cloud, request.match_info["object"])


async def _perform(account: Account, cloud: Cloud, request: web.Request, name: str, act: Act) -> web.Response:
    try:
        _refuse_as_ordered(cloud, name)
        result = await act(account, cloud, request)
    except ApiError as error:
        _write_down(account, cloud, name, error=f"{error.code} {error.words}")
        return _refusal(error)
    _write_down(account, cloud, name, result=result)
    return web.Response(body=orjson.dumps(result), content_type="application/json")


def _refuse_as_ordered(cloud: Cloud, name: str) -> None:
    for refusal in cloud.refusals:
        if not refusal.methods or name in refusal.methods:
            refusal.times -= 1
            if refusal.times <= 0:
                cloud.refusals.remove(refusal)
            raise ApiError(refusal.code)


async def _body(request: web.Request) -> Json:
    try:
        said = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        raise wrong("the body is not JSON") from None
    if not isinstance(said, dict):
        raise wrong("an object is expected")
    return said


def _refusal(error: ApiError) -> web.Response:
    return web.Response(status=error.status, body=orjson.dumps(error.answer()), content_type="application/json")


def _write_down(account: Account, cloud: Cloud, name: str, *, result: Any = None, error: str = "") -> None:
    if cloud.journal is not None:
        outcome: Json = {"error": error} if error else {"result": result if name == "messages" else "ok"}
        cloud.journal.write("call", number=account.number.id, method=name, **outcome)


async def _trouble(request: web.Request, fault: Fault) -> web.StreamResponse:
    """What the caller meets instead of its answer."""
    cloud = request.app[CLOUD]
    cloud.counters[f"faults_{fault.trouble}"] += 1
    if fault.trouble == Trouble.TOO_MANY_REQUESTS:
        return _refusal(ApiError(130429))
    if fault.trouble == Trouble.SERVER_ERROR:
        return _refusal(ApiError(2))
    return await broken(request, fault, cloud.stopping)
