"""Refusals as MAX words them.

Source: https://dev.max.ru/docs-api, "HTTP response codes" and the object Error
"""

from __future__ import annotations

from emulators.telegram.world import Json


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(f"{status} {code}: {message}")

    def answer(self) -> Json:
        return {"code": self.code, "message": self.message}


def unauthorized() -> ApiError:
    return ApiError(401, "verify.token", "Invalid access_token")


def bad_request(message: str, code: str = "proto.payload") -> ApiError:
    return ApiError(400, code, message)


def denied() -> ApiError:
    """The person has stopped the bot, or never began."""
    return ApiError(403, "chat.denied", "error.dialog.suspended")


def not_found(what: str) -> ApiError:
    return ApiError(404, "not.found", f"{what} is not found")


def not_ready() -> ApiError:
    return ApiError(400, "attachment.not.ready", "Key: errors.process.attachment.file.not.processed")


def too_many_requests() -> ApiError:
    return ApiError(429, "too.many.requests", "Too many requests")
