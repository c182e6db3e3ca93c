"""Which list of conversations is asked for, and what stands around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from company import accounts
from company.tables import Listing
from inbox import listing
from inbox.listing import View
from operator_console import bulk_acts, view_shapes
from operator_console.people import Shape
from operator_console.texts import gettext as _
from operator_console.visits import NoSuchPage, Visit

PAGE = 50
"""Conversations, or messages, that are shown at once."""

MOST_ROWS = 500
"""The longest list that "Show more" makes."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """Which list the person looks at."""

    view: View
    channel: str
    text: str
    limit: int

    @classmethod
    def asked(cls, visit: Visit) -> ListOf:
        return replace(cls.of(visit.request.query), limit=min(visit.query_number("n") or PAGE, MOST_ROWS))

    @classmethod
    def of(cls, query: Mapping[str, str]) -> ListOf:
        try:
            view = View(query.get("view") or View.OPEN)
        except ValueError:
            raise NoSuchPage("no such view") from None
        return cls(view, query.get("channel", "")[:20], query.get("q", "")[:100], PAGE)

    def query(self, **changes: object) -> str:
        """The address's question mark and what follows; nothing for the usual list."""
        facts = {"view": self.view, "channel": self.channel, "q": self.text} | changes
        usual = {"view": View.OPEN, "channel": "", "q": "", "n": PAGE}
        told = {name: str(value) for name, value in facts.items() if value != usual[name]}
        return f"?{urlencode(told)}" if told else ""


def around(session: Session, visit: Visit, which: ListOf) -> Shape:
    """What stands around the list and is not fetched anew with it."""
    return {"bulk": bulk_acts.bar(session, visit), "saved": _saved(session, visit, which)}


def _saved(session: Session, visit: Visit, which: ListOf) -> Shape:
    here = replace(which, limit=PAGE)
    known = {account.channel for account in accounts.of_shop(session, visit.shop.id)}
    lost = bool(which.channel) and which.channel not in known
    return view_shapes.bar(
        session,
        visit,
        Listing.INBOX,
        f"/inbox{here.query()}",
        counted=partial(_counts, session, visit),
        kept={"view": which.view.value, "channel": which.channel},
        gone=[{"label": _("Channel"), "url": f"/inbox{here.query(channel='')}"}] if lost else (),
    )


def _counts(session: Session, visit: Visit, queries: Sequence[Mapping[str, str]]) -> list[int | None]:
    known = listing.counts(session, visit.shop.id, visit.staff.id)
    return [_counted(ListOf.of(query), known) for query in queries]


def _counted(which: ListOf, counts: Mapping[str, int]) -> int | None:
    """What the counts of the side menu know already; nobody counts what a search would find."""
    if which.text or (which.channel and which.view is not View.OPEN):
        return None
    return counts.get(f"channel:{which.channel}" if which.channel else which.view)
