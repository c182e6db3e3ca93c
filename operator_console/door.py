"""Who comes in: sign-in, the session's cookie, forged requests, rights, and what is said when something goes wrong."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.orm import Session

from company import rights, signin, staff
from company.rights import Powers
from company.tables import Shop, SignIn, Staff
from company.texts import LOCALES, nearest
from kit import http, packing
from kit.errors import Missing, Problem
from operator_console import guards
from operator_console.routing import Route
from operator_console.texts import Reader, reading
from operator_console.texts import gettext as _
from operator_console.visits import Console, Form, NoSuchPage, Visit, local_path

logger = logging.getLogger(__name__)

SAFE = ("GET", "HEAD")
ZERO = "%00"
SHOP_COOKIE = "prilavok-shop"
"""Which of his shops the person works in now; it is checked at each request, so it need not be secret."""

NOT_FOUND, NOT_ALLOWED, REFUSED, TOO_LARGE, BROKEN = 404, 403, 409, 413, 500

LARGEST_MEGABYTES = 25
"""The most that one request may carry: the application's client_max_size."""


def keep_shop(answer: web.StreamResponse, shop_id: int, *, secure: bool) -> None:
    """Let the browser work in this shop from now on."""
    answer.set_cookie(SHOP_COOKIE, str(shop_id), path="/", samesite="Lax", httponly=True, secure=secure)


class Forged(Problem):
    """The request did not come from a page of ours."""

    code = "forged"


@dataclass(frozen=True, slots=True)
class Known:
    """Whom the cookie stands for."""

    sign_in: SignIn
    staff: Staff
    shop: Shop
    powers: Powers
    shops: tuple[Shop, ...]
    """All in which he works."""


class Door:
    def __init__(self, console: Console) -> None:
        self._console = console
        self.cookie = "__Host-prilavok" if console.secure else "prilavok"
        self._origin = origin_of(console.public_url)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/login", self.show_login),
            web.post("/login", self.sign_in),
            web.post("/logout", self.sign_out),
        ]

    def guarded(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The route's page behind the door, packed on its way out."""

        async def handle(request: web.Request) -> web.StreamResponse:
            answer = await answered(request)
            packing.pack_page(request, answer)
            return answer

        async def answered(request: web.Request) -> web.StreamResponse:
            known = await self.known(request)
            if known is None:
                return self._to_login(request)
            visit = self._visit(request, known)
            try:
                if ZERO in request.raw_path:
                    raise NoSuchPage("a zero character is in no address, and PostgreSQL would not look for it")
                if request.method not in SAFE:
                    await self._check_origin(request, known.sign_in.csrf)
                elif _is_peeking(request):
                    raise Forged("asked for from a page of another site")
                rights.demand(visit.powers, route.right)
                await guards.demand(visit, route)
                return await route.page(visit)
            except web.HTTPException as answer:
                if answer.status < 400:
                    raise
                return self._said(visit, answer.status)
            except Problem as problem:
                return self._explained(visit, problem)
            except (asyncio.CancelledError, ConnectionResetError):
                raise
            except Exception:
                return self._broken(visit)

        return handle

    @web.middleware
    async def lost(self, request: web.Request, handler: http.Handler) -> web.StreamResponse:
        """A page for whoever looks for an address that nothing answers: only a browser that wants a page gets one."""
        wants_page = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if request.match_info.http_exception is None or not wants_page:
            return await handler(request)
        known = await self.known(request)
        if known is not None:
            return self._said(self._visit(request, known), NOT_FOUND)
        reader = Reader.stranger(_browsers_language(request))
        with reading(reader):
            title, text = trouble(NOT_FOUND)
        facts: dict[str, object] = {"csrf": "", "code": NOT_FOUND, "title": title, "text": text, "back": "/"}
        html = self._console.templates.render("trouble.html", reader, **facts)
        return web.Response(text=html, content_type="text/html", status=NOT_FOUND)

    # Signing in and out

    async def show_login(self, request: web.Request) -> web.StreamResponse:
        if await self.known(request) is not None:
            raise web.HTTPSeeOther(local_path(request.query.get("next", "")))
        return self._login_page(request, next_=request.query.get("next", ""))

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """The answer for an unknown address is that for a wrong password, and takes as long."""
        form = Form(await http.posted(request))
        email, password, next_ = form["email"], form["password"], form["next"]
        if not self._from_here(request):
            return self._login_page(request, email=email, next_=next_, problem=Forged(), status=NOT_ALLOWED)
        address = http.client_address(request, request.app.get(http.TRUSTED, ()))
        try:
            # A header may hold any bytes, which Python keeps as lone surrogates.
            agent = request.headers.get("User-Agent", "").encode(errors="replace").decode()
            token = await self._signed_in(email, password, agent, address)
        except Problem as problem:
            return self._login_page(request, email=email, next_=next_, problem=problem, status=422)
        answer = web.HTTPSeeOther(local_path(next_))
        lives = int(signin.LONGEST.total_seconds()) if form["remember"] else None
        answer.set_cookie(
            self.cookie, token, path="/", httponly=True, samesite="Lax", secure=self._console.secure, max_age=lives
        )
        raise answer

    async def _signed_in(self, email: str, password: str, agent: str, address: str) -> str:
        db = self._console.db
        hash_ = await db.read(_password_hash, email, address)
        verified = await asyncio.to_thread(staff.verify, hash_, password)
        token = await db.write(signin.sign_in, email, verified=verified, agent=agent, address=address)
        if token is None:
            raise signin.WrongPassword()
        return token

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        known = await self.known(request)
        if known is not None:
            try:
                await self._check_origin(request, known.sign_in.csrf)
            except Forged as problem:
                return self._explained(self._visit(request, known), problem)
            await self._console.db.write(signin.sign_out, request.cookies[self.cookie])
        answer = web.HTTPSeeOther("/login")
        answer.del_cookie(self.cookie, path="/", secure=self._console.secure, httponly=True, samesite="Lax")
        # Drafts that were never sent, the worker and what it kept. A browser heeds it only where nobody can forge it.
        if self._console.secure or request.url.host in ("127.0.0.1", "localhost"):
            answer.headers["Clear-Site-Data"] = '"storage"'
        raise answer

    async def known(self, request: web.Request) -> Known | None:
        token = request.cookies.get(self.cookie, "")
        if not token.isascii() or not token:
            return None
        known = await self._console.db.read(_recognise, token, request.cookies.get(SHOP_COOKIE, ""))
        if known is not None and signin.is_stale(known.sign_in):
            await self._console.db.write(signin.touch, known.sign_in.token_hash)
        return known

    def _visit(self, request: web.Request, known: Known) -> Visit:
        return Visit(
            console=self._console,
            request=request,
            staff=known.staff,
            shop=known.shop,
            shops=known.shops,
            powers=known.powers,
            reader=Reader(nearest(known.staff.locale), ZoneInfo(known.shop.timezone), known.staff.theme),
            csrf=known.sign_in.csrf,
            token=request.cookies[self.cookie],
        )

    # Forged requests

    async def _check_origin(self, request: web.Request, csrf: str) -> None:
        given = request.headers.get("X-CSRF-Token") or Form(await http.posted(request))["csrf"]
        right = hmac.compare_digest(given.encode(errors="surrogateescape"), csrf.encode())
        if not self._from_here(request) or not right:
            raise Forged(f"{request.method} {request.path} from elsewhere")

    def _from_here(self, request: web.Request) -> bool:
        """By what only the browser writes. A client that is no browser writes nothing, and needs the token anyway."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = request.headers.get("Origin")
        return origin is None or origin == self._origin or http.address_parts(origin).netloc == request.host

    # What is said when it does not work

    def _to_login(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("HX-Request") == "true" or request.method not in SAFE:
            return web.Response(status=401)
        raise web.HTTPSeeOther(f"/login?next={quote(request.path_qs, safe='')}")

    def _login_page(
        self,
        request: web.Request,
        *,
        email: str = "",
        next_: str = "",
        problem: Problem | None = None,
        status: int = 200,
    ) -> web.Response:
        reader = Reader.stranger(_browsers_language(request))
        html = self._console.templates.render(
            "login.html",
            reader,
            csrf="",
            email=email[:254],
            next=local_path(next_),
            problem=self._console.texts.problem(problem, reader.language) if problem else "",
            host=urlsplit(self._console.public_url).netloc,
            shop_name="",
        )
        return web.Response(text=html, content_type="text/html", status=status)

    def _explained(self, visit: Visit, problem: Problem) -> web.Response:
        status = (
            NOT_ALLOWED
            if isinstance(problem, rights.NotAllowed | Forged)
            else NOT_FOUND
            if isinstance(problem, Missing)
            else REFUSED
        )
        return self._said(visit, status, self._console.texts.problem(problem, visit.reader.language))

    def _broken(self, visit: Visit) -> web.Response:
        """The log has the trace; the page has only the number under which to find it."""
        number = secrets.token_hex(4)
        logger.exception("failure %s: %s %s", number, visit.request.method, visit.request.path)
        with reading(visit.reader):
            words = _("Something broke on our side, and it has been written down. Number: {number}", number=number)
        return self._said(visit, BROKEN, words)

    def _said(self, visit: Visit, status: int, words: str = "") -> web.Response:
        with reading(visit.reader):
            title, usual = trouble(status)
        if visit.by_script:
            return web.Response(text=words or usual, status=status)
        return visit.page("trouble.html", status=status, code=status, title=title, text=words or usual, back="/")


def trouble(status: int) -> tuple[str, str]:
    """The title and the text of a page that says what went wrong, in the reader's language."""
    troubles = {
        NOT_ALLOWED: (_("This is not for you to do"), _("Ask the owner of the shop.")),
        NOT_FOUND: (_("There is nothing here"), _("Perhaps it has been removed, or the address is wrong.")),
        REFUSED: (_("That cannot be done"), _("Try again in a moment.")),
        TOO_LARGE: (_("Too large"), _("That is too large: up to {n} MB are taken.", n=LARGEST_MEGABYTES)),
        BROKEN: (_("Something broke"), _("Try again in a moment.")),
    }
    return troubles.get(status) or (_("That did not work"), _("Try again in a moment."))


def _is_peeking(request: web.Request) -> bool:
    """Another site may send people here by a link, and nothing else: no script, picture or stream of ours is its."""
    headers = request.headers
    return headers.get("Sec-Fetch-Site") == "cross-site" and headers.get("Sec-Fetch-Mode") != "navigate"


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _password_hash(session: Session, email: str, address: str) -> str | None:
    """Raises signin.TooManyTries before the slow part."""
    signin.check(session, email, address)
    person = staff.by_email(session, email)
    return person.password_hash or None if person is not None else None


def _recognise(session: Session, token: str, wanted_shop: str) -> Known | None:
    found = signin.find(session, token)
    if found is None:
        return None
    sign_in, person = found
    places = staff.workplaces(session, person.id)
    if not places:
        return None
    shop, powers = next((it for it in places if str(it[0].id) == wanted_shop), places[0])
    return Known(sign_in, person, shop, powers, tuple(place for place, _powers in places))


def _browsers_language(request: web.Request) -> str:
    for part in request.headers.get("Accept-Language", "").split(","):
        language = part.split(";")[0].strip()[:2].lower()
        if language in LOCALES:
            return language
    return LOCALES[0]
