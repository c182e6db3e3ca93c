"""Whether what a form was filled in over is still as its page showed it."""

from __future__ import annotations

import hashlib

import orjson

from kit.errors import Refused
from operator_console.visits import Form


class FormIsOld(Refused):
    """A colleague changed it after the page was drawn: what he did is not overwritten."""

    code = "form_is_old"


def mark(*values: object) -> str:
    """Stands for these values in a hidden field. Nothing that its reader may not see belongs among them."""
    return hashlib.sha256(orjson.dumps(values)).hexdigest()[:16]


def demand(form: Form, now: str) -> None:
    """Raises FormIsOld if the form was filled in over something else. A form without the mark is not asked."""
    if "seen" in form and form["seen"] != now:
        raise FormIsOld()
