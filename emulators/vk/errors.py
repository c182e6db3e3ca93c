"""Refusals of the VK API, with its codes and words.

Source: https://github.com/VKCOM/vk-api-schema errors.json
"""

from __future__ import annotations

from typing import Any

WORDS = {
    1: "Unknown error occurred",
    3: "Unknown method passed",
    5: "User authorization failed",
    6: "Too many requests per second",
    7: "Permission to perform this action is denied",
    8: "Invalid request",
    9: "Flood control",
    10: "Internal server error",
    15: "Access denied",
    27: "Group authorization failed",
    29: "Rate limit reached",
    100: "One of the parameters specified was missing or invalid",
    104: "Not found",
    105: "Couldn't save file",
    113: "Invalid user id",
    118: "Invalid server",
    121: "Invalid hash",
    129: "Invalid photo",
    900: "Can't send messages for users from blacklist",
    901: "Can't send messages for users without permission",
    902: "Can't send messages to this user due to their privacy settings",
    909: "Can't edit this message, because it's too old",
    911: "Keyboard format is invalid",
    912: "This is a chat bot feature, change this status in settings",
    913: "Too many forwarded messages",
    914: "Message is too long",
    917: "You don't have access to this chat",
    920: "Can't edit this kind of message",
    924: "Can't delete this message for everybody",
    925: "You are not admin of this chat",
    936: "Contact not found",
    2000: "Servers number limit is reached",
}


class ApiError(Exception):
    """What a call is answered with instead of a response: `{"error": {"error_code": ..., "error_msg": ...}}`."""

    def __init__(self, code: int, more: str = "") -> None:
        self.code = code
        self.words = ": ".join(part for part in (WORDS[code], more) if part)
        super().__init__(f"{code} {self.words}")

    def answer(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The envelope; it repeats what was asked, but for the token."""
        told = [{"key": key, "value": str(value)} for key, value in parameters.items() if key != "access_token"]
        return {"error": {"error_code": self.code, "error_msg": self.words, "request_params": told}}


def wrong(words: str) -> ApiError:
    return ApiError(100, words)
