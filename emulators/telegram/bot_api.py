"""The Bot API over HTTP: `/bot<token>/<method>` and `/file/bot<token>/<path>`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from emulators.telegram import accounts, editing, sending
from emulators.telegram.calls import Call
from emulators.telegram.cloud import Account, Cloud
from emulators.telegram.errors import ApiError, too_many_requests
from emulators.telegram.faults import Fault, Trouble
from emulators.telegram.files import DOWNLOAD_LIMIT, too_big_to_download
from emulators.telegram.journal import without_secrets
from emulators.telegram.parameters import read_parameters

CLOUD = web.AppKey("cloud", Cloud)

METHODS: dict[str, Callable[[Call], Any]] = {
    "getme": accounts.get_me,
    "getupdates": accounts.get_updates,
    "setwebhook": accounts.set_webhook,
    "deletewebhook": accounts.delete_webhook,
    "getwebhookinfo": accounts.get_webhook_info,
    "logout": accounts.log_out,
    "close": accounts.log_out,
    "answercallbackquery": accounts.answer_callback_query,
    "getfile": accounts.get_file,
    "getchat": accounts.get_chat,
    "getuserprofilephotos": accounts.get_user_profile_photos,
    "setmycommands": accounts.set_my_commands,
    "getmycommands": accounts.get_my_commands,
    "deletemycommands": accounts.delete_my_commands,
    "sendmessage": sending.send_message,
    "sendphoto": sending.send_photo,
    "senddocument": sending.send_document,
    "sendvideo": sending.send_video,
    "sendanimation": sending.send_animation,
    "sendaudio": sending.send_audio,
    "sendvoice": sending.send_voice,
    "sendsticker": sending.send_sticker,
    "sendlocation": sending.send_location,
    "sendcontact": sending.send_contact,
    "sendmediagroup": sending.send_media_group,
    "sendchataction": sending.send_chat_action,
    "copymessage": sending.copy_message,
    "forwardmessage": sending.forward_message,
    "editmessagetext": editing.edit_message_text,
    "editmessagecaption": editing.edit_message_caption,
    "editmessagemedia": editing.edit_message_media,
    "editmessagereplymarkup": editing.edit_message_reply_markup,
    "deletemessage": editing.delete_message,
    "deletemessages": editing.delete_messages,
}
"""Every method that the emulator knows, by its name in lower case: the real server ignores letter case too."""

ROUTES = web.RouteTableDef()


@ROUTES.get("/bot{token}/{method}")
@ROUTES.post("/bot{token}/{method}")
async def answer_call(request: web.Request) -> web.StreamResponse:
    cloud = request.app[CLOUD]
    name = request.match_info["method"].lower()
    account = cloud.accounts.get(request.match_info["token"])
    try:
        parameters = await read_parameters(request)
        if account is None:
            raise ApiError(401, "Unauthorized")
        method = METHODS.get(name)
        if method is None:
            raise ApiError(404, "Not Found: method not found")
    except ApiError as error:
        return _refusal(error)
    call = Call(cloud, account, parameters)
    cloud.counters["calls"] += 1
    cloud.counters[f"calls_{name}"] += 1
    if cloud.faults.latency:
        await asyncio.sleep(cloud.faults.latency)
    fault = None if cloud.faults.calm else cloud.faults.take(name, call.chat_id())
    if fault is not None and not fault.after:
        _write_down(call, name, error=f"not accepted: {fault.trouble}")
        return await _trouble(request, cloud, fault)
    answer = await _perform(call, name, method, trouble=fault.trouble if fault else "")
    return answer if fault is None else await _trouble(request, cloud, fault)


async def _perform(call: Call, name: str, method: Callable[[Call], Any], *, trouble: str = "") -> web.Response:
    """Do it and write it down; `trouble` is what the answer will meet on its way back."""
    try:
        result = method(call)
        if inspect.isawaitable(result):
            result = await result
    except ApiError as error:
        _write_down(call, name, error=f"{error.code} {error.description}")
        return _refusal(error)
    _write_down(call, name, result=result, trouble=trouble)
    body = {"ok": True, **result} if isinstance(result, accounts.Described) else {"ok": True, "result": result}
    return web.Response(body=orjson.dumps(body), content_type="application/json")


def _refusal(error: ApiError) -> web.Response:
    return web.Response(status=error.code, body=orjson.dumps(error.answer()), content_type="application/json")


def _write_down(call: Call, name: str, *, result: Any = None, error: str = "", trouble: str = "") -> None:
    journal = call.cloud.journal
    if journal is None or name == "getupdates":
        return
    outcome: dict[str, Any] = {"error": error}
    if not error:
        message = result if isinstance(result, dict) and "message_id" in result else None
        outcome = {"message_id": message["message_id"]} if message else {}
        if isinstance(result, list):
            outcome["message_ids"] = [each.get("message_id") for each in result]
        if trouble:
            outcome["trouble"] = trouble
    journal.write(
        "call",
        bot=call.account.bot.id,
        method=name,
        chat=call.chat_id(),
        parameters=without_secrets(call.parameters.values),
        files=sorted(call.parameters.uploads),
        **outcome,
    )


async def _trouble(request: web.Request, cloud: Cloud, fault: Fault) -> web.Response:
    cloud.counters[f"faults_{fault.trouble}"] += 1
    if fault.trouble is Trouble.TOO_MANY_REQUESTS:
        return _refusal(too_many_requests(fault.retry_after))
    if fault.trouble is Trouble.SERVER_ERROR:
        return _refusal(ApiError(500, "Internal Server Error"))
    if fault.trouble is Trouble.BAD_GATEWAY:
        return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
    if fault.trouble is Trouble.HANG:
        await _sleep_until_stop(cloud, fault.seconds)
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _sleep_until_stop(cloud: Cloud, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await cloud.stopping.wait()
    except TimeoutError:
        return


@ROUTES.get("/file/bot{token}/{path:.+}")
async def download(request: web.Request) -> web.Response:
    cloud = request.app[CLOUD]
    account: Account | None = cloud.accounts.get(request.match_info["token"])
    if account is None:
        return _refusal(ApiError(401, "Unauthorized"))
    stored = cloud.files.by_path.get(request.match_info["path"])
    if stored is None:
        return _refusal(ApiError(404, "Not Found"))
    if len(stored.content) > DOWNLOAD_LIMIT:
        return _refusal(too_big_to_download())
    cloud.counters["downloads"] += 1
    return web.Response(body=stored.content, content_type="application/octet-stream")
