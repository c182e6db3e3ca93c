"""Templates: words that a channel has approved, which may be sent at any time, with what is filled into their gaps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from company.tables import ChannelAccount
from inbox.content import Media, Occasion, Outgoing, Template
from kit.errors import Refused

OCCASIONS = (
    "paid",
    "assembling",
    "shipped",
    "delivered",
    "cancelled",
    "stage",
    "refunded",
    "link_expired",
    "payment_link",
    "order",
)
"""What a template may be chosen for: the stages that orders usually go through, any other `stage`, and the rest."""

NOT_STAGES = frozenset({"refunded", "link_expired", "payment_link", "order"})

FACTS = ("number", "sum", "stage", "name", "shop", "link")
"""What an occasion knows, for the gaps."""

CHOSEN = "templates"
"""The key of an account's settings under which the choices stand."""

_GAP = re.compile(r"\{\{\s*([a-z0-9_]+)\s*\}\}", re.IGNORECASE)


class NoSuchTemplate(Refused):
    """The channel has no approved template of this name and language any more."""

    code = "no_such_template"


class GapsToFill(Refused):
    """Each gap of a template needs words: on one line, without tabs and long blanks."""

    code = "gaps_to_fill"


@dataclass(frozen=True, slots=True)
class Approved:
    """A template as the channel has it. Gaps are in double braces: {{1}}, {{2}} or names."""

    name: str
    language: str
    category: str = ""
    header: str = ""
    body: str = ""
    footer: str = ""
    buttons: tuple[str, ...] = ()
    link: str = ""
    """The address of its button that opens a page; ends in a gap where something is to be filled in."""
    picture: bool = False
    """A picture is wanted above the words."""
    named: bool = False
    """Gaps have names, and are filled by them."""

    @property
    def key(self) -> str:
        return f"{self.name}:{self.language}"

    def gaps(self) -> list[str]:
        """Names of the gaps, those of the header first, then of the body, then that of the button."""
        return [*gaps_of(self.header), *gaps_of(self.body), *gaps_of(self.link)]


@dataclass(frozen=True, slots=True)
class Choice:
    """A template for an occasion, and which fact goes into which of its gaps."""

    template: Approved
    facts: tuple[str, ...] = ()


@cache
def _choices() -> TypeAdapter[dict[str, Choice]]:
    """Made when it is needed: most shops have no templates, and every start would wait for it."""
    return TypeAdapter(dict[str, Choice])


def gaps_of(text: str) -> list[str]:
    return list(dict.fromkeys(_GAP.findall(text)))


def filled(text: str, values: Sequence[str]) -> str:
    """The text with its gaps filled, in their order."""
    words = dict(zip(gaps_of(text), values, strict=False))
    return _GAP.sub(lambda gap: words.get(gap[1], gap[0]), text)


def fill(template: Approved, values: Sequence[str], *, media: tuple[Media, ...] = ()) -> Outgoing:
    """The template as a message, with what the buyer will see as its text; `media` is the picture above it, where it
    wants one. Raises GapsToFill."""
    given = [" ".join(value.split()) for value in values]
    if len(given) != len(template.gaps()) or not all(given) or template.picture is not bool(media):
        raise GapsToFill()
    head, rest = _cut(given, len(gaps_of(template.header)))
    body, link = _cut(rest, len(gaps_of(template.body)))
    # An address whose beginning is the template's own fills only what follows.
    link = [value.removeprefix(template.link.partition("{{")[0]) for value in link]
    return Outgoing(
        text=preview(template, values),
        media=media,
        template=Template(
            template.name,
            template.language,
            tuple(head),
            tuple(body),
            link=link[0] if link else "",
            names=tuple(gaps_of(template.body)) if template.named else (),
        ),
    )


def preview(template: Approved, values: Sequence[str]) -> str:
    """What the buyer will see, as far as it is filled in."""
    given = [" ".join(value.split()) for value in values]
    shown = [value or f"{{{{{gap}}}}}" for value, gap in zip(given, template.gaps(), strict=False)]
    head, rest = _cut(shown, len(gaps_of(template.header)))
    body, link = _cut(rest, len(gaps_of(template.body)))
    parts = [filled(template.header, head), filled(template.body, body), template.footer]
    labels = [f"[{label}]" for label in template.buttons]
    address = filled(template.link, link)
    return "\n\n".join(part for part in (*parts, " ".join(labels), address) if part)


def _cut(values: Sequence[str], count: int) -> tuple[Sequence[str], Sequence[str]]:
    return values[:count], values[count:]


def choices(account_settings: Mapping[str, Any]) -> dict[str, Choice]:
    """Which template is chosen for which occasion on an account."""
    return _choices().validate_python(account_settings.get(CHOSEN, {}))


def keep_choices(account: ChannelAccount, chosen: Mapping[str, Choice]) -> None:
    account.settings = {**account.settings, CHOSEN: _choices().dump_python(dict(chosen), mode="json")}


def for_occasion(occasion: Occasion, account: ChannelAccount) -> Outgoing | None:
    """The template that was chosen for it, filled in; None without one, and where a fact for its gaps is not known."""
    known = choices(account.settings)
    choice = known.get(occasion.name) or (known.get("stage") if occasion.name not in NOT_STAGES else None)
    if choice is None:
        return None
    facts = {"shop": account.name, **occasion.facts}
    values = [facts.get(name, "") for name in choice.facts]
    try:
        return fill(choice.template, values)
    except GapsToFill:
        return None
