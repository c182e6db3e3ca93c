"""The two kinds of failure that people see.

Problem                what went wrong, in words for the reader's language
├── Refused            the request is understood and not allowed: nothing was changed
└── Missing            the thing asked for does not exist, or is not yours to see
"""

from __future__ import annotations

from collections.abc import Mapping


class Problem(Exception):
    """A failure that is explained to the person who caused it.

    `code` names the text in the catalogues (`errors.<code>`); `facts` fills its placeholders. The English message
    is for logs and for engineers.
    """

    code = "problem"

    def __init__(self, message: str = "", **facts: object) -> None:
        self.facts: Mapping[str, object] = facts
        super().__init__(message or self.code)


class Refused(Problem):
    """The rules say no. Nothing was changed."""

    code = "refused"


class Missing(Problem):
    """There is no such thing, or the asker may not know of it."""

    code = "missing"
