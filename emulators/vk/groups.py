"""The methods about the community itself: who it is, what its token may do, and how it gets its events."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from emulators.telegram.world import Json
from emulators.vk.callback import Server
from emulators.vk.calls import Call
from emulators.vk.cloud import RIGHTS
from emulators.vk.errors import ApiError, wrong

SERVERS, TITLE, SECRET = 10, 14, 50


def get_by_id(call: Call) -> Json:
    names = {call.text("group_id"), *call.text("group_ids").split(",")} - {""}
    community = call.account.community
    if names and not names & {str(community.id), community.screen_name, f"club{community.id}"}:
        return {"groups": [], "profiles": []}
    return {"groups": [community.group()], "profiles": []}


def get_token_permissions(call: Call) -> Json:
    rights = call.account.community.rights
    return {
        "mask": sum(RIGHTS[name] for name in rights),
        "permissions": [{"name": name, "setting": RIGHTS[name]} for name in sorted(rights)],
    }


def get_callback_confirmation_code(call: Call) -> Json:
    _manages(call)
    return {"code": call.account.code}


def add_callback_server(call: Call) -> Json:
    _manages(call)
    servers = call.account.servers
    if len(servers) >= SERVERS:
        raise ApiError(2000)
    server = Server(max([*servers, 0]) + 1, **_server_fields(call))
    servers[server.id] = server
    call.account.postman.confirm(server)
    return {"server_id": server.id}


def edit_callback_server(call: Call) -> int:
    _manages(call)
    server = _server(call)
    for name, value in _server_fields(call).items():
        setattr(server, name, value)
    call.account.postman.confirm(server)
    return 1


def delete_callback_server(call: Call) -> int:
    _manages(call)
    del call.account.servers[_server(call).id]
    return 1


def get_callback_servers(call: Call) -> Json:
    _manages(call)
    wanted = call.numbers("server_ids")
    servers = [each for each in call.account.servers.values() if not wanted or each.id in wanted]
    return {"count": len(servers), "items": [each.shown(1) for each in servers]}


def set_callback_settings(call: Call) -> int:
    _manages(call)
    server = _server(call)
    told = {name: call.flag(name) for name in call.parameters.values if name not in _NOT_KINDS}
    server.kinds = frozenset({*server.kinds, *(name for name, on in told.items() if on)}) - {
        name for name, on in told.items() if not on
    }
    server.version = call.text("api_version") or server.version
    return 1


def get_callback_settings(call: Call) -> Json:
    _manages(call)
    server = _server(call)
    return {"api_version": server.version, "events": dict.fromkeys(sorted(server.kinds), 1)}


def get_long_poll_server(call: Call) -> Json:
    _manages(call)
    log = call.account.log
    return {"key": log.key, "server": f"{call.origin}/longpoll/{log.group_id}", "ts": str(log.number)}


def set_long_poll_settings(call: Call) -> int:
    _manages(call)
    return 1


def get_users(call: Call) -> list[Json]:
    known = call.cloud.world.people
    return [call.person(number) for number in call.numbers("user_ids") if number in known]


_NOT_KINDS = frozenset({"group_id", "server_id", "api_version", "access_token", "v", "lang"})


def _manages(call: Call) -> None:
    call.own_group()
    if "manage" not in call.account.community.rights:
        raise ApiError(15, "no access to call this method")


def _server(call: Call) -> Server:
    server = call.account.servers.get(call.number("server_id"))
    if server is None:
        raise ApiError(104)
    return server


def _server_fields(call: Call) -> dict[str, Any]:
    url, title, secret = call.needed("url"), call.needed("title"), call.text("secret_key")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise wrong("url is invalid")
    if len(title) > TITLE:
        raise wrong("title is too long")
    if len(secret) > SECRET:
        raise wrong("secret_key is too long")
    return {"url": url, "title": title, "secret_key": secret}
