"""Templates of the console: one environment, the reader's words and clock, addresses of static files.

Static files are served at /static/<version>/<path>, where the version is a digest of all of them: browsers may keep
them for ever, and the scripts' relative imports carry the version along.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from operator_console.formats import FILTERS
from operator_console.rendered import Rendered
from operator_console.texts import Reader, gettext, ngettext, plural_forms, reading
from operator_console.texts import gettext as _

HERE = Path(__file__).parent
STATIC = HERE / "static"

_GROUND = re.compile(r'\[data-bs-theme="(light|dark)"\] \{[^}]*?--bg: (#[0-9a-f]{6});')


def channel_name(channel: str) -> str:
    names = {
        "telegram": "Telegram",
        "webchat": _("Web chat"),
        "vk": _("VK"),
        "max": "MAX",
        "whatsapp": "WhatsApp",
        "email": _("Email"),
    }
    return names.get(channel, channel)


def payment_look(state: str) -> tuple[str, str, str]:
    """A payment card's colours, icon and title."""
    looks = {
        "pending": ("pending", "clock", _("Waits for payment")),
        "authorised": ("pending", "clock", _("Held, not captured yet")),
        "paid": ("paid", "done", _("Paid")),
        "part_refunded": ("paid", "refund", _("Paid, part refunded")),
        "refunded": ("gone", "refund", _("Refunded")),
        "expired": ("gone", "clock", _("Expired")),
        "cancelled": ("gone", "cross", _("Cancelled")),
        "changed": ("changed", "warning", _("The sum has changed")),
    }
    return looks.get(state, ("gone", "question", _("Being checked")))


def payment_word(state: str) -> tuple[str, str, str]:
    """A payment badge's tone, icon and word."""
    words = {
        "none": ("", "", _("no link yet")),
        "new": ("", "clock", _("being issued")),
        "pending": ("warn", "", _("waits")),
        "authorised": ("warn", "", _("held")),
        "paid": ("ok", "check", _("paid")),
        "part_paid": ("warn", "", _("part paid")),
        "expired": ("bad", "", _("expired")),
        "changed": ("bad", "", _("sum changed")),
        "cancelled": ("", "", _("payment cancelled")),
        "replaced": ("", "", _("replaced")),
        "on_receipt": ("", "", _("on receipt")),
        "refunded": ("", "refund", _("refunded")),
        "part_refunded": ("ok", "refund", _("part refunded")),
        "trouble": ("bad", "warning", _("look at the money")),
    }
    return words.get(state, ("", "question", _("being checked")))


def script_texts() -> dict[str, Any]:
    """What scripts say: keys of static/js/texts.js."""
    return {
        "undo": _("Undo"),
        "close": _("Close"),
        "copied": _("Copied"),
        "copy_by_hand": _("Copy this:"),
        "unreachable": _("No connection to the server. What you wrote is kept."),
        "trouble": _("That did not work. Try again in a moment."),
        "conversations": plural_forms("Show {n} new", "Show {n} new"),
        "attachment": _("Attachment"),
        "drop_files": _("don’t attach"),
        "ticked": plural_forms("{n} ticked", "{n} ticked"),
        "messages": plural_forms("{n} new message", "{n} new messages"),
        "days": _("{d} d"),
        "hours": _("{h} h {m} min"),
        "minutes": _("{m} min"),
        "just_now": _("just now"),
        "window_left": _("You may write for {left} more"),
        "window_closed": _("Only a template now"),
    }


class _Shapes(Environment):
    """Jinja's own, but quick where a template reads a shape, which is a dict: Jinja would try for an attribute first
    and find the key after an exception. The page of all components takes 22 ms of processor with it, 26 without."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


class Templates:
    """Renders the console's templates. `version` names the present static files; `bar` is the colour of each theme that
    a browser gives to its own bar."""

    def __init__(self) -> None:
        self.version = _digest(STATIC)
        self.bar = dict(_GROUND.findall((STATIC / "css" / "tokens.css").read_text()))
        self._environment = _Shapes(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(FILTERS)
        self._environment.globals.update(
            _=gettext,
            ngettext=ngettext,
            asset=self.asset,
            bar=self.bar,
            channel_name=channel_name,
            once=Rendered(),
            payment_look=payment_look,
            payment_word=payment_word,
            script_texts=script_texts,
        )

    def asset(self, path: str) -> str:
        return f"/static/{self.version}/{path}"

    def render(self, template: str, reader: Reader, /, **context: object) -> str:
        """A page or a fragment. Every name that the template uses must be in the context."""
        with reading(reader):
            return self._environment.get_template(template).render(reader=reader, **context)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(folder)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
