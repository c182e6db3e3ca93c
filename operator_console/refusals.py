"""Why a payment came to nothing, in the reader's words: what providers answer is English, or a code."""

from __future__ import annotations

import re

from operator_console.texts import gettext as _
from payments.questions import Kind
from payments.starting import NEVER_MADE
from payments.states import State
from payments.tables import Payment

_REFUSAL = re.compile(r"\w+: (?P<text>.*?)(?: \((?P<field>[\w.\[\]]+)\))?")
"""How payments.providers.base.ProviderRefused reads."""


def why(payment: Payment) -> str:
    """Why nobody can pay by it any more, as a sentence; empty where its state says enough."""
    reason = payment.reason
    if payment.state != State.CANCELLED or not reason or reason.startswith("expired") or reason in set(Kind):
        return ""
    known = _known().get(reason)
    if known is not None:
        return known
    refused = _REFUSAL.fullmatch(reason)
    if refused is None:
        return _("The payment system refused: {reason}", reason=reason)
    if (refused["field"] or "").startswith("receipt"):
        return _("The payment system did not accept the receipt: check the customer’s phone or email and the VAT rates")
    return _("The payment system refused: {reason}", reason=refused["text"] or reason)


def _known() -> dict[str, str]:
    """Source: https://yookassa.ru/developers/payment-acceptance/after-the-payment/declined-payments"""
    bank = _("The customer’s bank refused: he has to ask there, or to pay in another way")
    card = _("The card’s number, its date or code was wrong")
    return {
        NEVER_MADE: _("The payment system could not be reached in time, the link was not made"),
        "invalid_credentials": _("The payment system did not accept the shop’s key"),
        "insufficient_funds": _("The customer has not enough money on this card or wallet"),
        "card_expired": _("The customer’s card has expired"),
        "invalid_card_number": card,
        "invalid_csc": card,
        "3d_secure_failed": _("The customer did not confirm the payment by the bank’s code"),
        "call_issuer": bank,
        "general_decline": bank,
        "issuer_unavailable": bank,
        "payment_method_restricted": bank,
        "payment_method_limit_exceeded": _("The limit of payments in this way is used up"),
        "country_forbidden": _("Cards of this country are not taken"),
        "fraud_suspected": _("The payment system took the payment for a fraud"),
        "identification_required": _("The customer’s wallet must be identified first"),
        "internal_timeout": _("The payment system had trouble of its own, try again"),
        "canceled_by_merchant": _("The shop cancelled it in the payment system’s own cabinet"),
        "permission_revoked": _("The customer took back his leave to charge him"),
        "unsupported_mobile_operator": _("This mobile operator cannot be paid with"),
    }
