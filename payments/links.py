"""The short link that a buyer pays by: it shows the state of things, or leads on to the provider."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.errors import Missing
from payments.tables import Payment

TOKEN = r"[A-Za-z0-9_-]{24}"  # noqa: S105  the form of a token, not one


class NoSuchPayment(Missing):
    code = "no_such_payment"


def new_token() -> str:
    """24 characters, 144 random bits: nobody finds another buyer's link by trying."""
    return secrets.token_urlsafe(18)


def link(public_url: str, payment: Payment) -> str:
    return f"{public_url}/p/{payment.token}"


def back(public_url: str, token: str) -> str:
    """Where the provider sends the buyer's browser afterwards."""
    return f"{public_url}/p/{token}/back"


def by_token(session: Session, token: str) -> Payment:
    """Raises NoSuchPayment."""
    payment = session.scalar(sa.select(Payment).where(Payment.token == token))
    if payment is None:
        raise NoSuchPayment("no payment has this token")
    return payment
