"""The methods about the bot itself: who it is, how it gets updates, its commands, files and button presses."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from emulators.telegram.calls import Call
from emulators.telegram.errors import bad_request, webhook_is_active
from emulators.telegram.files import DOWNLOAD_LIMIT, too_big_to_download
from emulators.telegram.webhook import Webhook
from emulators.telegram.world import Json

SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
CALLBACK_TEXT_LIMIT = 200
NO_GIFTS = {
    "unlimited_gifts": False,
    "limited_gifts": False,
    "unique_gifts": False,
    "premium_subscription": False,
    "gifts_from_channels": False,
}


class Described(dict[str, Any]):
    """A result that comes with a description beside it."""


def get_me(call: Call) -> Json:
    return {
        **call.account.bot.user(),
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def get_updates(call: Call) -> list[Json]:
    account, parameters = call.account, call.parameters
    if account.postman.webhook is not None:
        raise webhook_is_active()
    account.queue.allow(parameters.json_list("allowed_updates", "allowed updates"))
    return await account.queue.poll(
        offset=parameters.integer("offset"),
        limit=parameters.integer("limit", 100),
        hold=parameters.integer("timeout"),
    )


async def set_webhook(call: Call) -> Described:
    account, parameters = call.account, call.parameters
    url = parameters.text("url")
    if not url:
        return await delete_webhook(call)
    secret_token = parameters.text("secret_token")
    _check_webhook(url, secret_token)
    webhook = Webhook(url, secret_token, min(max(parameters.integer("max_connections", 40), 1), 100))
    account.queue.allow(parameters.json_list("allowed_updates", "allowed updates"))
    if parameters.flag("drop_pending_updates"):
        account.queue.drop_pending()
    current = account.postman.webhook
    if current is not None and (current.url, current.secret_token) == (webhook.url, webhook.secret_token):
        return Described(result=True, description="Webhook is already set")
    account.queue.end_polling()
    await account.postman.begin(webhook)
    return Described(result=True, description="Webhook was set")


async def delete_webhook(call: Call) -> Described:
    if call.parameters.flag("drop_pending_updates"):
        call.account.queue.drop_pending()
    if call.account.postman.webhook is None:
        return Described(result=True, description="Webhook is already deleted")
    await call.account.postman.end()
    return Described(result=True, description="Webhook was deleted")


def get_webhook_info(call: Call) -> Json:
    return call.account.postman.info()


def log_out(call: Call) -> bool:
    return True


def answer_callback_query(call: Call) -> bool:
    parameters = call.parameters
    press = call.account.open_press(parameters.text("callback_query_id"))
    if press is None:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    text = parameters.text("text")
    if len(text) > CALLBACK_TEXT_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    press.answer = {"text": text, "show_alert": parameters.flag("show_alert")}
    press.answered.set()
    press.chat.changed("answer", press.message_id, {"data": press.data, **press.answer})
    return True


def get_file(call: Call) -> Json:
    if not call.parameters.has("file_id"):
        raise bad_request("file_id not specified")
    stored = call.cloud.files.get(call.parameters.text("file_id"))
    if stored is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if len(stored.content) > DOWNLOAD_LIMIT:
        raise too_big_to_download()
    return {**stored.named(), "file_path": stored.path}


def get_user_profile_photos(call: Call) -> Json:
    """The newest picture alone: nobody here has several."""
    person = call.cloud.world.people.get(call.parameters.integer("user_id"))
    if person is None:
        raise bad_request("user not found")
    file = call.cloud.portrait_of(person)
    shown = [call.cloud.files.describe(file, {})["photo"]] if file is not None else []
    return {"total_count": len(shown), "photos": shown[call.parameters.integer("offset") :][:100]}


def get_chat(call: Call) -> Json:
    chat = call.chat()
    shown = {**chat.wire, "accent_color_id": chat.person.id % 7, "max_reaction_count": 11}
    if chat.person.username:
        shown["active_usernames"] = [chat.person.username]
    return {**shown, "accepted_gift_types": NO_GIFTS}


def set_my_commands(call: Call) -> bool:
    commands = call.parameters.json_list("commands", "commands") or []
    for command in commands:
        if not re.fullmatch(r"/?[a-z0-9_]{1,32}", str(command.get("command", ""))):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    call.account.bot.commands = [
        {"command": str(command["command"]).lstrip("/"), "description": command["description"]} for command in commands
    ]
    return True


def get_my_commands(call: Call) -> list[Json]:
    return call.account.bot.commands


def delete_my_commands(call: Call) -> bool:
    call.account.bot.commands = []
    return True


def _check_webhook(url: str, secret_token: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL_HOSTS):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not parts.hostname:
        raise bad_request("invalid webhook URL specified")
    if len(secret_token) > 256:
        raise bad_request("secret token is too long")
    if secret_token and not SECRET.fullmatch(secret_token):
        raise bad_request("secret token contains unallowed characters")
