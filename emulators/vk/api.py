"""The API over HTTP: `/method/<name>`, always answered with 200, also when it refuses."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from emulators.telegram.breaking import broken
from emulators.telegram.errors import ApiError as BadBody
from emulators.telegram.faults import Fault, Trouble
from emulators.telegram.parameters import read_parameters
from emulators.vk import groups, messages, sending, uploads
from emulators.vk.calls import Call
from emulators.vk.errors import ApiError
from emulators.vk.keys import CLOUD

METHODS: dict[str, Callable[[Call], Any]] = {
    "groups.getById": groups.get_by_id,
    "groups.getTokenPermissions": groups.get_token_permissions,
    "groups.getCallbackConfirmationCode": groups.get_callback_confirmation_code,
    "groups.addCallbackServer": groups.add_callback_server,
    "groups.editCallbackServer": groups.edit_callback_server,
    "groups.deleteCallbackServer": groups.delete_callback_server,
    "groups.getCallbackServers": groups.get_callback_servers,
    "groups.setCallbackSettings": groups.set_callback_settings,
    "groups.getCallbackSettings": groups.get_callback_settings,
    "groups.getLongPollServer": groups.get_long_poll_server,
    "groups.setLongPollSettings": groups.set_long_poll_settings,
    "users.get": groups.get_users,
    "messages.send": sending.send,
    "messages.edit": sending.edit,
    "messages.delete": sending.delete,
    "messages.sendMessageEventAnswer": sending.answer_event,
    "messages.setActivity": messages.set_activity,
    "messages.markAsRead": messages.mark_as_read,
    "messages.getHistory": messages.get_history,
    "messages.getConversations": messages.get_conversations,
    "messages.getById": messages.get_by_id,
    "photos.getMessagesUploadServer": uploads.photo_address,
    "photos.saveMessagesPhoto": uploads.save_photo,
    "docs.getMessagesUploadServer": uploads.doc_address,
    "docs.save": uploads.save_doc,
}

SECRET_PARAMETERS = frozenset({"access_token", "secret_key"})

ROUTES = web.RouteTableDef()


@ROUTES.get("/method/{name}")
@ROUTES.post("/method/{name}")
async def answer_call(request: web.Request) -> web.StreamResponse:
    cloud, name = request.app[CLOUD], request.match_info["name"]
    try:
        parameters = await read_parameters(request)
    except BadBody:
        return _refusal(ApiError(8), {})
    values = parameters.values
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    account = cloud.communities.get(str(values.get("access_token") or bearer))
    try:
        if not values.get("v"):
            raise ApiError(8, "v (version) is required")
        if name not in METHODS:
            raise ApiError(3)
        if account is None:
            raise ApiError(5, "invalid access_token (4).")
        if name.startswith("messages.") and "messages" not in account.community.rights:
            raise ApiError(15, "no access to call this method")
        account.check_rate()
    except ApiError as error:
        return _refusal(error, values)
    call = Call(cloud, account, parameters, f"{request.scheme}://{request.host}")
    cloud.counters["calls"] += 1
    cloud.counters[f"calls_{name}"] += 1
    if cloud.faults.latency:
        await asyncio.sleep(cloud.faults.latency)
    fault = None if cloud.faults.calm else cloud.faults.take(name.lower(), call.peer())
    if fault is not None and not fault.after:
        _write_down(call, name, error=f"not accepted: {fault.trouble}")
        return await _trouble(request, fault)
    answer = await _perform(call, name, trouble=fault.trouble if fault else "")
    return answer if fault is None else await _trouble(request, fault)


async def _perform(call: Call, name: str, *, trouble: str) -> web.Response:
    try:
        _refuse_as_ordered(call, name)
        result = METHODS[name](call)
        if inspect.isawaitable(result):
            result = await result
    except ApiError as error:
        _write_down(call, name, error=f"{error.code} {error.words}")
        return _refusal(error, call.parameters.values)
    _write_down(call, name, result=result, trouble=trouble)
    return web.Response(body=orjson.dumps({"response": result}), content_type="application/json")


def _refuse_as_ordered(call: Call, name: str) -> None:
    for refusal in call.cloud.refusals:
        fits = not refusal.methods or name in refusal.methods
        if fits and refusal.peer_id in (None, call.peer()):
            refusal.times -= 1
            if refusal.times <= 0:
                call.cloud.refusals.remove(refusal)
            raise ApiError(refusal.code)


def _refusal(error: ApiError, parameters: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(error.answer(parameters)), content_type="application/json")


def _write_down(call: Call, name: str, *, result: Any = None, error: str = "", trouble: str = "") -> None:
    journal = call.cloud.journal
    if journal is None:
        return
    outcome: dict[str, Any] = {"error": error} if error else {"result": result if name == "messages.send" else "ok"}
    journal.write(
        "call",
        group=call.account.community.id,
        method=name,
        peer=call.peer(),
        parameters={key: value for key, value in call.parameters.values.items() if key not in SECRET_PARAMETERS},
        files=sorted(call.parameters.uploads),
        **outcome,
        **({"trouble": trouble} if trouble else {}),
    )


async def _trouble(request: web.Request, fault: Fault) -> web.StreamResponse:
    """What the caller meets instead of its answer."""
    cloud = request.app[CLOUD]
    cloud.counters[f"faults_{fault.trouble}"] += 1
    if fault.trouble == Trouble.TOO_MANY_REQUESTS:
        return _refusal(ApiError(6), {})
    if fault.trouble == Trouble.SERVER_ERROR:
        return _refusal(ApiError(10), {})
    return await broken(request, fault, cloud.stopping)
