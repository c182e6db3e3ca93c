"""Refusals as the service words them: an HTTP status and an error object.

Source: https://yookassa.ru/developers/using-api/response-handling/http-codes
"""

from __future__ import annotations

import uuid
from typing import Any


class ApiRefusal(Exception):
    """An answer other than 200, with the fields of the service's error object."""

    def __init__(self, status: int, code: str, description: str, parameter: str | None = None) -> None:
        self.status, self.code, self.description, self.parameter = status, code, description, parameter
        super().__init__(f"{status} {code}: {description}")

    def body(self) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "type": "error",
            "id": str(uuid.uuid4()),
            "code": self.code,
            "description": self.description,
        }
        if self.parameter is not None:
            answer["parameter"] = self.parameter
        return answer


def invalid(description: str, parameter: str | None = None) -> ApiRefusal:
    """400: the request breaks the rules of the API, and the named parameter is to blame."""
    return ApiRefusal(400, "invalid_request", description, parameter)


def not_found(kind: str, parameter: str) -> ApiRefusal:
    """404: there is no such object in this shop."""
    return ApiRefusal(404, "not_found", f"{kind} doesn't exist or access denied", parameter)
