"""Refusals of the Graph API, with its codes and words.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
"""

from __future__ import annotations

import secrets

from emulators.telegram.world import Json

WORDS: dict[int, tuple[int, str]] = {
    2: (503, "Service temporarily unavailable"),
    33: (400, "Unsupported request: the object does not exist, or the token may not see it"),
    100: (400, "Invalid parameter"),
    190: (401, "Invalid OAuth access token"),
    200: (403, "You do not have the necessary permission"),
    368: (403, "Temporarily blocked for policies violations"),
    2200: (400, "Callback verification failed"),
    80007: (429, "Rate limit issues"),
    130429: (429, "Rate limit hit"),
    131000: (500, "Something went wrong"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131031: (403, "Account has been locked"),
    131047: (400, "Re-engagement message"),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131056: (429, "(Business Account, Consumer Account) pair rate limit hit"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
    132015: (400, "Template is paused"),
}


class ApiError(Exception):
    """What a call is answered with instead of its result."""

    def __init__(self, code: int, details: str = "") -> None:
        self.code = code
        self.status, self.words = WORDS[code]
        self.details = details
        super().__init__(f"{code} {self.words} {details}".strip())

    def answer(self) -> Json:
        error: Json = {
            "message": f"(#{self.code}) {self.words}",
            "type": "OAuthException",
            "code": self.code,
            "fbtrace_id": f"A{secrets.token_urlsafe(16)}",
        }
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        return {"error": error}

    def in_status(self) -> Json:
        """As a status says it."""
        href = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
        told = {"code": self.code, "title": self.words, "message": self.words, "href": href}
        return {**told, "error_data": {"details": self.details or self.words}}


def wrong(details: str) -> ApiError:
    return ApiError(100, details)
