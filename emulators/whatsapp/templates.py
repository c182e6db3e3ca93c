"""Approved words of a business account, and what a message fills into their gaps.

Source: https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from emulators.telegram.world import Json
from emulators.whatsapp.errors import ApiError, wrong

_GAP = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Template:
    """`buttons` are labels of quick replies; `link` is (label, address) of a button that opens a page."""

    name: str
    body: str
    language: str = "ru"
    status: str = "APPROVED"
    category: str = "UTILITY"
    header: str = ""
    picture: bool = False
    footer: str = ""
    buttons: tuple[str, ...] = ()
    link: tuple[str, str] | None = None

    def described(self, number: int) -> Json:
        """As GET message_templates tells it."""
        components: list[Json] = []
        if self.header:
            components.append({"type": "HEADER", "format": "TEXT", "text": self.header})
        if self.picture:
            components.append(
                {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://x.example"]}}
            )
        body: Json = {"type": "BODY", "text": self.body}
        if gaps := gaps_of(self.body):
            body["example"] = {"body_text": [[f"пример {gap}" for gap in gaps]]}
        components.append(body)
        if self.footer:
            components.append({"type": "FOOTER", "text": self.footer})
        buttons: list[Json] = [{"type": "QUICK_REPLY", "text": label} for label in self.buttons]
        if self.link:
            example = {"example": [_GAP.sub("k7x", self.link[1])]} if gaps_of(self.link[1]) else {}
            buttons.insert(0, {"type": "URL", "text": self.link[0], "url": self.link[1], **example})
        if buttons:
            components.append({"type": "BUTTONS", "buttons": buttons})
        return {
            "id": str(920_070_000_000_000 + number),
            "name": self.name,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "parameter_format": "POSITIONAL",
            "components": components,
        }


def gaps_of(text: str) -> list[str]:
    return list(dict.fromkeys(_GAP.findall(text)))


def find(templates: Sequence[Template], said: Json) -> Template:
    """The template that a message names. Raises what the API says to one that is not there."""
    name, language = said.get("name"), (said.get("language") or {}).get("code")
    if not name or not language:
        raise ApiError(131008, "template name and language are required")
    found = next((each for each in templates if (each.name, each.language) == (name, language)), None)
    if found is None or found.status not in ("APPROVED", "PAUSED"):
        raise ApiError(132001, f"template name ({name}) does not exist in {language}")
    if found.status == "PAUSED":
        raise ApiError(132015, f"template {name} is paused")
    return found


def fill(template: Template, said: Json) -> Json:
    """{header, body, footer, buttons, link, picture} of the message. Raises 132000 where gaps do not fit."""
    parts = {str(each.get("type", "")).lower(): each for each in said.get("components") or ()}
    given = {kind: each.get("parameters") or [] for kind, each in parts.items()}
    picture = ""
    if template.picture:
        picture = str((given.get("header") or [{}])[0].get("image", {}).get("id", ""))
        if not picture:
            raise ApiError(132000, "header: a picture is expected")
    link = template.link
    if link:
        link = (link[0], _filled(link[1], given.get("button", []), "button"))
    return {
        "header": "" if template.picture else _filled(template.header, given.get("header", []), "header"),
        "body": _filled(template.body, given.get("body", []), "body"),
        "footer": template.footer,
        "buttons": list(template.buttons),
        "link": link,
        "picture": picture,
    }


def _filled(text: str, parameters: Sequence[Json], where: str) -> str:
    gaps = gaps_of(text)
    if len(parameters) != len(gaps):
        raise ApiError(132000, f"{where}: {len(parameters)} parameters, {len(gaps)} expected")
    words = {}
    for gap, parameter in zip(gaps, parameters, strict=True):
        if parameter.get("type") != "text" or not str(parameter.get("text", "")).strip():
            raise wrong(f"{where}: parameter {gap} has no text")
        value = str(parameter["text"])
        if "\n" in value or "\t" in value or "     " in value:
            raise wrong(f"{where}: a parameter cannot have new lines, tabs or more than four blanks")
        words[gap] = value
    return _GAP.sub(lambda match: words[match[1]], text)
