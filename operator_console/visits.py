"""A signed-in person's request: who asks, for which shop, and everything that a page needs to answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from aiohttp import web
from sqlalchemy.orm import DeclarativeBase, Session

from company.rights import Powers, Right, may
from company.tables import Role, Shop, Staff
from company.texts import Sayable, Texts
from kit import http
from kit.errors import Missing, Problem
from kit.secrets import SecretBox
from operator_console import sight
from operator_console.rendering import Templates
from operator_console.texts import Reader, reading
from storage.database import Database
from storage.files import FileStore
from storage.live import LiveBus

P = ParamSpec("P")
T = TypeVar("T")


class NoSuchPage(Missing):
    code = "missing"


@dataclass(frozen=True, slots=True)
class Console:
    """What every page of one process shares."""

    db: Database
    files: FileStore
    live: LiveBus
    box: SecretBox
    texts: Texts
    templates: Templates
    public_url: str

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a member of staff, already let in. `staff` and `shops` belong to no session: read them only."""

    console: Console
    request: web.Request
    staff: Staff
    shop: Shop
    shops: tuple[Shop, ...]
    """All in which he works, the oldest first."""
    powers: Powers
    reader: Reader
    csrf: str
    token: str

    @property
    def actor(self) -> str:
        return f"staff:{self.staff.id}"

    @property
    def role(self) -> Role:
        """The ready role, or the one that the person's own set of rights begins with."""
        return self.powers.role

    def may(self, right: Right) -> bool:
        return may(self.powers, right)

    @property
    def by_script(self) -> bool:
        """Whether htmx or our scripts ask: they want a fragment, and refusals as plain text."""
        return self.request.headers.get("HX-Request") == "true"

    async def read(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`Database.read` with the reader's words and clock inside `fn`, which finds only what he may see."""
        return await self.console.db.read(self._speaking(self._seeing(fn)), *args, **kwargs)

    async def demand_sight(self, thing: type[DeclarativeBase], *ids: int) -> None:
        """Raises NoSuchPage where one of these things is not for the person to see, or is not there at all.

        A write sees everything, or it could not do what follows from an act: whatever a form names is asked of here.
        """
        if not self.powers.sees_all and not await self.read(sight.all_seen, thing, ids):
            raise NoSuchPage(f"{thing.__tablename__} {ids} is out of sight")

    async def write(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`Database.write`, one transaction, with the reader's words and clock inside `fn`."""
        return await self.console.db.write(self._speaking(fn), *args, **kwargs)

    def _seeing(self, fn: Callable[Concatenate[Session, P], T]) -> Callable[Concatenate[Session, P], T]:
        if self.powers.sees_all:
            return fn

        def seeing(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> T:
            with sight.narrowed(session, self.powers.sees, self.shop.id, self.staff.id):
                return fn(session, *args, **kwargs)

        return seeing

    def _speaking(self, fn: Callable[Concatenate[Session, P], T]) -> Callable[Concatenate[Session, P], T]:
        def speaking(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> T:
            with reading(self.reader):
                try:
                    return fn(session, *args, **kwargs)
                except Problem as problem:
                    problem.facts = {name: self._said(fact) for name, fact in problem.facts.items()}
                    raise

        return speaking

    def _said(self, fact: object) -> object:
        """A refusal is explained after the transaction, when rows that it speaks of cannot be read any more."""
        return fact.said(self.reader.language) if isinstance(fact, Sayable) else fact

    # What was asked

    def number(self, name: str = "id") -> int:
        """A number of the address. Raises NoSuchPage for what no row can have."""
        return whole(self.request.match_info[name])

    def query(self, name: str, default: str = "") -> str:
        return self.request.query.get(name, default)

    def query_number(self, name: str) -> int | None:
        text = self.request.query.get(name, "")
        return whole(text) if text else None

    async def form(self) -> Form:
        return Form(await http.posted(self.request))

    # Answers

    def page(self, template: str, /, *, status: int = 200, **context: object) -> web.Response:
        """HTML of a template: a page or a fragment."""
        html = self.console.templates.render(template, self.reader, csrf=self.csrf, **context)
        return web.Response(text=html, content_type="text/html", status=status)

    def done(
        self,
        words: str = "",
        *,
        go: str = "",
        undo: Mapping[str, Any] | None = None,
        tell: Mapping[str, Any] | None = None,
    ) -> web.Response:
        """The act is done: nothing to swap in, perhaps a toast, perhaps another page to go to.

        `undo` is {"url", "values"} of the request that takes the act back; `tell` are events for the page's scripts,
        where the act leaves none in the log.
        """
        if not self.by_script:
            raise web.HTTPSeeOther(go or _back(self.request))
        response = web.Response(status=204)
        if go:
            response.headers["HX-Redirect"] = go
        said = {"toast": {"text": words} | ({"undo": undo} if undo else {})} if words else {}
        if events := {**said, **(tell or {})}:
            response.headers["HX-Trigger"] = json.dumps(events)
        return response


class Form(Mapping[str, str]):
    """The texts of a posted form; files are apart. What is not there reads as ""."""

    def __init__(self, posted: Mapping[str, Any]) -> None:
        self._posted = posted

    def __getitem__(self, name: str) -> str:
        return _clean(self._posted.get(name, ""))

    def __contains__(self, name: object) -> bool:
        return name in self._posted

    def __iter__(self) -> Any:
        return iter(self._posted)

    def __len__(self) -> int:
        return len(self._posted)

    def number(self, name: str) -> int:
        """A whole number of the form. Raises NoSuchPage for anything else: our own pages always send one."""
        return whole(self[name])

    def all(self, name: str) -> list[str]:
        """Every text that was posted under this name."""
        getall = getattr(self._posted, "getall", None)
        return [_clean(value) for value in getall(name, [])] if getall else [self[name]]

    def files(self, name: str) -> list[web.FileField]:
        getall = getattr(self._posted, "getall", None)
        values = getall(name, []) if getall else []
        return [value for value in values if isinstance(value, web.FileField) and value.filename]


def _clean(value: Any) -> str:
    return value.replace("\r\n", "\n").replace("\x00", "") if isinstance(value, str) else ""


def local_path(text: str, default: str = "/") -> str:
    """An address on this very site, for redirects; anything that could lead elsewhere gives the default."""
    if not text.startswith("/") or text.startswith(("//", "/\\")) or any(ord(c) < 33 or c == "\\" for c in text):
        return default
    return text


def _back(request: web.Request) -> str:
    """The page that a form without scripts stands on."""
    _, _, rest = request.headers.get("Referer", "").partition("://")
    host, slash, path = rest.partition("/")
    return local_path("/" + path) if slash and host == request.host else "/"


def whole(text: str) -> int:
    """A number as our pages write it. Raises NoSuchPage for anything else."""
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise NoSuchPage(f"not a number: {text[:30]!r}")
    return int(text)
