"""One file or folder per messenger. An adapter translates and does nothing else: no session, no flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.channels import (
    email_connect,
    email_imap,
    max_calls,
    max_connect,
    telegram_calls,
    telegram_connect,
    vk_calls,
    vk_connect,
    whatsapp_calls,
    whatsapp_connect,
)
from bot.channels.base import Channel, Connection, Receiver
from bot.channels.connecting import Connector, by_token


def _telegram(connection: Connection) -> Channel:
    # aiogram takes seconds and 170 MB to import, so only a process that sends for a Telegram account pays for it.
    from bot.channels.telegram import Telegram

    return Telegram(connection)


def _telegram_receiver(connection: Connection) -> Receiver:
    from bot.channels.telegram_receive import TelegramReceiver

    return TelegramReceiver(connection)


def _max(connection: Connection) -> Channel:
    from bot.channels.max import Max

    return Max(connection)


def _max_receiver(connection: Connection) -> Receiver:
    from bot.channels.max_receive import MaxReceiver

    return MaxReceiver(connection)


def _email(connection: Connection) -> Channel:
    from bot.channels.email import Email

    return Email(connection)


def _email_receiver(connection: Connection) -> Receiver:
    from bot.channels.email_receive import EmailReceiver

    return EmailReceiver(connection)


def _webchat(connection: Connection) -> Channel:
    from bot.channels.webchat.adapter import WebChat

    return WebChat(connection)


def _vk(connection: Connection) -> Channel:
    from bot.channels.vk import Vk

    return Vk(connection)


def _vk_receiver(connection: Connection) -> Receiver:
    from bot.channels.vk_receive import VkReceiver

    return VkReceiver(connection)


def _whatsapp(connection: Connection) -> Channel:
    from bot.channels.whatsapp import WhatsApp

    return WhatsApp(connection)


def _whatsapp_receiver(connection: Connection) -> Receiver:
    from bot.channels.whatsapp_receive import WhatsAppReceiver

    return WhatsAppReceiver(connection)


CHANNELS: Mapping[str, Callable[[Connection], Channel]] = {
    "telegram": _telegram,
    "max": _max,
    "vk": _vk,
    "whatsapp": _whatsapp,
    "email": _email,
    "webchat": _webchat,
}
"""Every messenger that the hub speaks. A new one is one file here, one line here, and one folder of real payloads."""

RECEIVERS: Mapping[str, Callable[[Connection], Receiver]] = {
    "telegram": _telegram_receiver,
    "max": _max_receiver,
    "vk": _vk_receiver,
    "whatsapp": _whatsapp_receiver,
    "email": _email_receiver,
}
"""Those that are fetched from, or that call us at /hooks. The web chat's visitors come to its own addresses."""

CONNECTORS: Mapping[str, Connector] = {
    "telegram": Connector(telegram_calls.API, by_token(telegram_connect.whose), gone=telegram_calls.GONE),
    "max": Connector(max_calls.API, by_token(max_connect.whose), gone=max_calls.GONE, prefers_webhook=True),
    "vk": Connector(vk_calls.API, by_token(vk_connect.whose), gone=vk_calls.GONE, prefers_webhook=True),
    "whatsapp": Connector(
        whatsapp_calls.API,
        whatsapp_connect.whose,
        gone=whatsapp_calls.GONE,
        prefers_webhook=True,
        webhook_only=True,
        needed=("number", "business", "app_secret", "catalog"),
        templates=whatsapp_connect.templates,
    ),
    "email": Connector(
        "",
        by_token(email_connect.whose),
        gone=email_imap.LOGIN_REFUSED,
        called_in_file="password",
        calls=False,
        address_of=email_connect.address_of,
        probe=email_connect.probe,
    ),
}
"""Those that are connected in the console by a token."""
