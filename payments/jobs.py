"""The kinds of jobs that payments put, each with its handler."""

from __future__ import annotations

from payments import charging, looking, refunding
from payments.accounts import Providers
from payments.looking import Look
from payments.returning import GiveBack
from payments.starting import Cancel, Start
from storage.jobs import Handler


def handlers(providers: Providers, public_url: str) -> dict[str, Handler]:
    """`public_url` is where buyers come back to from the provider."""
    look = Look(providers)
    return {
        charging.START: Start(providers, public_url).effect,
        charging.CANCEL: Cancel(providers).effect,
        looking.LOOK: look.effect,
        looking.STRAY: look.stray,
        refunding.REFUND: GiveBack(providers).effect,
        refunding.LOOK: look.refund,
    }
