"""The page's addresses.

/mail                               the first person's mail; ?lang=en in English
/mail/<person>                      one person's letters; ?letter=<uid> opens one, ?write=1 begins one
/mail/<person>/list                 the list alone, for a page that stays open
/mail/<person>/letters/<uid>        the HTML of a letter, in a frame that runs and loads nothing
/mail/<person>/letters/<uid>/<n>    a part of it: a picture in place, anything else as a download
"""

from __future__ import annotations

import html
import re
import time
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.multipart import BodyPartReader
from jinja2 import Environment, PackageLoader, StrictUndefined

from emulators.mail.page.texts import TEXTS
from emulators.mail.program import NoSuchLetter, Program, Shown, Upload, content_of, words

if TYPE_CHECKING:
    from emulators.mail.emulator import MailEmulator

MAIL: web.AppKey[MailEmulator] = web.AppKey("mail")
ROUTES = web.RouteTableDef()
ROUTES.static("/mail/static", Path(__file__).parent / "static")

IN_PLACE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("emulators.mail.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = lambda at: time.strftime("%H:%M", time.localtime(at))
    return environment


TEMPLATES = _environment()


@ROUTES.get("/")
async def home(request: web.Request) -> web.Response:
    raise web.HTTPFound("/mail")


@ROUTES.get("/mail")
async def first(request: web.Request) -> web.Response:
    raise web.HTTPFound("/mail/0")


@ROUTES.get(r"/mail/{person:\d+}")
async def mail(request: web.Request) -> web.Response:
    program = _program(request)
    opened = request.query.get("letter", "")
    letter = _letter(program, opened) if opened else None
    if letter is not None:
        program.mailbox.seen.add(letter.uid)
    return _page("mail.html", request, letter=letter, writing="write" in request.query)


@ROUTES.get(r"/mail/{person:\d+}/list")
async def letters(request: web.Request) -> web.Response:
    return _page("list.html", request, letter=None)


@ROUTES.get(r"/mail/{person:\d+}/letters/{uid:\d+}")
async def letter_page(request: web.Request) -> web.Response:
    """The letter as its writer made it. Pictures within it are taken from it alone."""
    letter = _letter(_program(request), request.match_info["uid"])
    page = next((part for part in letter.message.walk() if part.get_content_type() == "text/html"), None)
    if page is None:
        shown = f"<pre style='white-space:pre-wrap;font:inherit'>{html.escape(letter.text)}</pre>"
    else:
        shown = content_of(page).decode("utf-8", "replace")
        for n, part in enumerate(letter.message.walk()):
            if name := str(part.get("Content-ID") or "").strip("<>"):
                shown = shown.replace(f"cid:{name}", f"{request.path}/{n}")
    style = "<style>body{margin:16px;background:#fff;color:#1a1a1a;font:16px/1.5 sans-serif}</style>"
    headers = {"Content-Security-Policy": LETTER_POLICY, "Cache-Control": "no-store"}
    return web.Response(
        text=f'<!doctype html><base target="_blank">{style}{shown}', content_type="text/html", headers=headers
    )


@ROUTES.get(r"/mail/{person:\d+}/letters/{uid:\d+}/{n:\d+}")
async def part(request: web.Request) -> web.Response:
    letter = _letter(_program(request), request.match_info["uid"])
    found = dict(enumerate(letter.message.walk())).get(int(request.match_info["n"]))
    if found is None:
        raise web.HTTPNotFound
    kind = found.get_content_type()
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    if kind not in IN_PLACE:
        kind, headers["Content-Disposition"] = "application/octet-stream", "attachment"
    return web.Response(body=content_of(found), content_type=kind, headers=headers)


@ROUTES.post(r"/mail/{person:\d+}/send")
async def send(request: web.Request) -> web.Response:
    """A new letter, or an answer to `answers`."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise web.HTTPForbidden
    program, fields, files = _program(request), *await _form(request)
    text = fields.get("text", "").replace("\r\n", "\n").strip()
    if text or files:
        if answers := fields.get("answers", ""):
            program.answer(_letter(program, answers).uid, text, files=files)
        else:
            program.write(text, subject=re.sub(r"\s+", " ", fields.get("subject", "")), files=files)
    raise web.HTTPSeeOther(f"/mail/{request.match_info['person']}{_language_query(request)}")


async def _form(request: web.Request) -> tuple[dict[str, str], list[Upload]]:
    fields: dict[str, str] = {}
    files: list[Upload] = []
    async for each in await request.multipart():
        assert isinstance(each, BodyPartReader)
        if each.filename:
            kind = each.headers.get("Content-Type", "application/octet-stream")
            files.append(Upload(each.filename, kind, bytes(await each.read())))
        else:
            content = bytes(await each.read())
            if each.filename is None:
                fields[each.name or ""] = content.decode("utf-8", "replace")
    return fields, files


def _page(name: str, request: web.Request, **context: object) -> web.Response:
    emulator, program = request.app[MAIL], _program(request)
    language = request.query.get("lang", program.mailbox.account.language)
    shown = TEMPLATES.get_template(name).render(
        texts=TEXTS.get(language, TEXTS["ru"]),
        language=language,
        query=_language_query(request),
        people=[(n, each) for n, each in enumerate(emulator.people) if each.listed],
        person=int(request.match_info["person"]),
        unread={n: _unread(emulator.program(each.address)) for n, each in enumerate(emulator.people) if each.listed},
        letters=program.letters[::-1],
        seen=program.mailbox.seen,
        shop=emulator.shops[0],
        account=program.mailbox.account,
        parts=_parts,
        **context,
    )
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return web.Response(text=shown, content_type="text/html", headers=headers)


def _unread(program: Program) -> int:
    return sum(letter.uid not in program.mailbox.seen for letter in program.mailbox.inbox)


def _parts(letter: Shown) -> list[tuple[int, str]]:
    """(number, name) of the files of a letter that stand in no place of it."""
    return [(n, words(name)) for n, each in enumerate(letter.message.walk()) if (name := _attached(each))]


def _attached(part: Message[Any, Any]) -> str:
    return "" if part.get("Content-ID") else (part.get_filename() or "")


def _language_query(request: web.Request) -> str:
    return "?lang=en" if request.query.get("lang") == "en" else ""


def _program(request: web.Request) -> Program:
    emulator = request.app[MAIL]
    person = int(request.match_info["person"])
    if person >= len(emulator.people):
        raise web.HTTPNotFound
    return emulator.program(emulator.people[person].address)


def _letter(program: Program, uid: str) -> Shown:
    try:
        return program.letter(int(uid))
    except (NoSuchLetter, ValueError):
        raise web.HTTPNotFound from None
