"""What the widget's page sends, checked for shape and size."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

TEXT = 4000
"""Characters of one message."""

FILES = 10
"""Files of one message."""

Key = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{16,40}$")]
"""The browser's own id of a thing that is done; long enough that a message's number is never one."""

Short = Annotated[str, StringConstraints(max_length=500)]


class Context(BaseModel):
    """Where the visitor is and how he came."""

    model_config = ConfigDict(extra="ignore")

    page: Short = ""
    title: Short = ""
    referrer: Short = ""
    utm_source: Short = ""
    utm_medium: Short = ""
    utm_campaign: Short = ""
    utm_term: Short = ""
    utm_content: Short = ""

    def known(self) -> dict[str, str]:
        return {name: value for name, value in self.model_dump().items() if value}


class Deed(BaseModel):
    """What every form has."""

    model_config = ConfigDict(extra="forbid")

    key: Key
    locale: Annotated[str, StringConstraints(max_length=20)] = ""
    context: Context = Context()


class MessageForm(Deed):
    text: Annotated[str, StringConstraints(max_length=TEXT)] = ""
    files: tuple[Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{24}$")], ...] = Field((), max_length=FILES)
    reply_to: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{0,40}$")] = ""


class PressForm(Deed):
    button: Annotated[str, StringConstraints(pattern="^[0-9a-f.]{1,40}$")]


class ContactForm(Deed):
    phone: Annotated[str, StringConstraints(pattern=r"^[+0-9() .\-]{5,40}$")]


class StartForm(Deed):
    start: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{0,64}$")]


class SeenForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    up_to: int = Field(ge=1, lt=2**63)
    read: bool
