"""What the console says of each messenger: the steps to its token, and where the token is found."""

from __future__ import annotations

from operator_console.people import Shape
from operator_console.texts import gettext as _


def of(channel: str) -> Shape:
    """{steps: what is done on the messenger's side, where: where the token stands, next: what follows of itself,
    values: [{name, label, hint, secret, required}] that are entered beside the token}."""
    words = {"telegram": _telegram, "max": _max, "vk": _vk, "whatsapp": _whatsapp, "email": _email}
    return {"steps": (), "where": "", "next": "", "values": ()} | (words[channel]() if channel in words else {})


def value_name(name: str) -> str:
    """What is entered beside a token, as the page calls it."""
    names = {
        "number": _("Phone number ID"),
        "business": _("WhatsApp Business Account ID"),
        "app_secret": _("Secret of the app"),
        "catalog": _("Catalogue ID"),
    }
    return names.get(name, name)


def _telegram() -> Shape:
    return {
        "steps": (
            _("In Telegram, open the chat with @BotFather and write /newbot."),
            _("Give the bot a name that buyers will see, and a username that ends in bot."),
            _("BotFather answers with the token: a number, a colon and letters. Copy all of it."),
        ),
        "where": _("BotFather gives it: /mybots, the bot, API Token."),
        "next": _("The bot is listened to within seconds. Write to it yourself to see that it answers."),
    }


def _max() -> Shape:
    return {
        "steps": (
            _("Register the firm or the sole trader at business.max.ru; MAX gives bots to nobody else."),
            _("Make a chat bot there: its name, picture and description. MAX looks at it before it may be found."),
            _("When it is approved, open Chat bots, Integration, and copy the token."),
        ),
        "where": _("It stands at business.max.ru: Chat bots, Integration."),
        "next": _(
            "Where the shop has a public https address, MAX brings messages there; otherwise they are asked for."
        ),
    }


def _vk() -> Shape:
    return {
        "steps": (
            _("In your VK community, open Manage, Messages, and switch community messages on."),
            _("In Messages, Bot settings, switch the bot’s abilities on and allow the Start button."),
            _("In Manage, API usage, create a key with access to management, messages, photos and documents. Copy it."),
        ),
        "where": _("The community gives it: Manage, API usage, Access keys."),
        "next": _("VK is told by itself where to bring messages. Write to the community to see that it answers."),
    }


def _whatsapp() -> Shape:
    def value(name: str, hint: str, *, secret: bool = False, required: bool = True) -> Shape:
        return {"name": name, "label": value_name(name), "hint": hint, "secret": secret, "required": required}

    return {
        "steps": (
            _("At developers.facebook.com, My Apps, create an app of the type Business and add WhatsApp to it."),
            _("In WhatsApp, API Setup, add the shop’s number and copy its two IDs: of the number and of the account."),
            _("In App settings, Basic, show the App secret and copy it."),
            _(
                "In Business settings, System users, add one, give it the app and the account, and generate a token"
                " with whatsapp_business_messaging and whatsapp_business_management that never expires."
            ),
        ),
        "where": _("Business settings, System users, Generate new token."),
        "next": _("Meta is told by itself where to bring messages. Write to the number to see that it answers."),
        "values": (
            value("number", _("Digits; not the telephone number itself.")),
            value("business", _("Digits, beside it in API Setup.")),
            value("app_secret", _("32 characters: by it Meta’s calls are told from a stranger’s."), secret=True),
            value("catalog", _("If a catalogue is connected to the number; otherwise leave it empty."), required=False),
        ),
    }


def _email() -> Shape:
    return {
        "steps": (
            _("In the mail service, open the settings of the shop’s mailbox and allow mail programs, IMAP."),
            _("Make a password for programs there: Yandex, Mail.ru and Gmail give one beside your own. Copy it."),
            _("Enter the address, that password and the two servers. Yandex: imap.yandex.ru and smtp.yandex.ru."),
        ),
        "where": _("The mail service gives it: its settings, passwords for programs."),
        "next": _("Letters from now on become conversations. The mailbox itself stays as it is: nothing is moved."),
    }
