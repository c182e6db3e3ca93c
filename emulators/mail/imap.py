"""What shows a mailbox: as much of IMAP4rev1 as programs use to read one folder.

CAPABILITY, NOOP, LOGOUT, LOGIN, AUTHENTICATE PLAIN, LIST, SELECT, EXAMINE, STATUS, IDLE, and SEARCH, FETCH,
STORE (\\Seen), by number and by UID. Source: https://www.rfc-editor.org/rfc/rfc3501, https://www.rfc-editor.org/rfc/rfc2177
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
from datetime import UTC, datetime
from email import message_from_bytes

from emulators.mail.serving import Serving
from emulators.mail.world import Letter, Mailbox, World

ABILITIES = "IMAP4rev1 AUTH=PLAIN IDLE"
FOLDER = "INBOX"

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\([^()]*\))|(\S+)')
_SECTION = re.compile(r"BODY(\.PEEK)?\[(HEADER|TEXT|)\]", re.IGNORECASE)


class Refused(Exception):
    """A command that is answered by NO."""


class Bad(Exception):
    """A command that is answered by BAD."""


class Connection:
    """One program that reads one mailbox."""

    def __init__(self, world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._world = world
        self._reader, self._writer = reader, writer
        self._box: Mailbox | None = None
        self._selected: list[Letter] | None = None
        self._read_only = True
        self._changed = asyncio.Event()

    async def serve(self) -> None:
        self._say(f"* OK [CAPABILITY {ABILITIES}] mail.example ready")
        try:
            while line := await self._line():
                if await self._world.chances.breaks():
                    self.cut()
                    return
                tag, _, rest = line.partition(" ")
                name, _, arguments = rest.partition(" ")
                if await self._do(tag, name.upper(), arguments):
                    return
                await self._writer.drain()
        finally:
            if self._box is not None and self._ring in self._box.watchers:
                self._box.watchers.remove(self._ring)

    def cut(self) -> None:
        self._writer.transport.abort()

    async def _do(self, tag: str, name: str, arguments: str) -> bool:
        """Answer one command. Whether it was the last."""
        try:
            words = await self._perform(tag, name, arguments)
        except Refused as refused:
            self._say(f"{tag} NO {refused}")
        except (Bad, ValueError, IndexError) as wrong:
            self._say(f"{tag} BAD {wrong}")
        else:
            self._say(f"{tag} OK {words}")
        return name == "LOGOUT"

    async def _perform(self, tag: str, name: str, arguments: str) -> str:
        if name == "CAPABILITY":
            self._say(f"* CAPABILITY {ABILITIES}")
        elif name == "LOGOUT":
            self._say("* BYE see you")
        elif name == "LOGIN":
            user, password = _words(arguments)[:2]
            self._log_in(user, password)
        elif name == "AUTHENTICATE":
            await self._authenticate(arguments)
        elif self._box is None:
            raise Bad("log in first")
        elif name == "NOOP":
            self._tell_new()
        elif name == "LIST":
            self._say(f'* LIST (\\HasNoChildren) "/" {FOLDER}')
        elif name in ("SELECT", "EXAMINE"):
            return self._select(self._box, _words(arguments)[0], read_only=name == "EXAMINE")
        elif name == "STATUS":
            self._say(f"* STATUS {FOLDER} (UIDVALIDITY {self._box.validity} UIDNEXT {self._box.next_uid})")
        elif name == "IDLE":
            await self._idle()
        elif name == "UID":
            kind, _, rest = arguments.partition(" ")
            self._about(kind.upper(), rest, by_uid=True)
        else:
            self._about(name, arguments, by_uid=False)
        return f"{name} completed"

    def _about(self, name: str, arguments: str, *, by_uid: bool) -> None:
        if self._selected is None:
            raise Bad("select a folder first")
        if name == "SEARCH":
            self._search(arguments, by_uid=by_uid)
        elif name == "FETCH":
            self._fetch(arguments, by_uid=by_uid)
        elif name == "STORE":
            self._store(arguments, by_uid=by_uid)
        else:
            raise Bad(f"unknown command {name}")

    # Who it is

    def _log_in(self, user: str, password: str) -> None:
        if not self._world.may_log_in(user, password):
            raise Refused("[AUTHENTICATIONFAILED] Invalid credentials")
        self._box = self._world.mailboxes[user.lower()]
        self._box.watchers.append(self._ring)

    async def _authenticate(self, arguments: str) -> None:
        if arguments.upper() != "PLAIN":
            raise Refused("only PLAIN")
        self._say("+ ")
        await self._writer.drain()
        try:
            _, user, password = base64.b64decode(await self._line(), validate=True).decode().split("\0")
        except (binascii.Error, UnicodeError, ValueError):
            raise Bad("not what PLAIN says") from None
        self._log_in(user, password)

    # A folder

    def _select(self, box: Mailbox, folder: str, *, read_only: bool) -> str:
        if folder.upper() != FOLDER:
            self._selected = None
            raise Refused("[NONEXISTENT] no such folder")
        self._selected, self._read_only = box.inbox, read_only
        self._say("* FLAGS (\\Seen)")
        self._say(f"* {len(self._selected)} EXISTS")
        self._say("* 0 RECENT")
        self._say(f"* OK [UIDVALIDITY {box.validity}] numbers hold")
        self._say(f"* OK [UIDNEXT {box.next_uid}] the next one")
        return "[READ-ONLY] opened" if read_only else "[READ-WRITE] opened"

    def _ring(self) -> None:
        self._changed.set()

    def _tell_new(self) -> None:
        assert self._box is not None
        now = self._box.inbox
        if self._selected is not None and len(now) != len(self._selected):
            self._selected = now
            self._say(f"* {len(now)} EXISTS")

    async def _idle(self) -> None:
        """Tell of letters until the program says DONE."""
        self._say("+ idling")
        done = asyncio.ensure_future(self._line())
        ring = asyncio.ensure_future(self._changed.wait())
        try:
            while not done.done():
                self._changed.clear()
                self._tell_new()
                await self._writer.drain()
                ring = ring if not ring.done() else asyncio.ensure_future(self._changed.wait())
                await asyncio.wait((done, ring), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ring.cancel()
            done.cancel()
        if (said := done.result()).upper() != "DONE":
            raise Bad(f"DONE was expected, not {said[:20]}")

    # Letters

    def _numbered(self) -> list[tuple[int, Letter]]:
        assert self._selected is not None
        return list(enumerate(self._selected, 1))

    def _chosen(self, numbers: str, *, by_uid: bool) -> list[tuple[int, Letter]]:
        known = self._numbered()
        last = max((letter.uid if by_uid else n for n, letter in known), default=0)
        ranges = []
        for part in numbers.split(","):
            low, _, high = part.partition(":")
            ends = [last if end == "*" else int(end) for end in (low, high or low)]
            ranges.append((min(ends), max(ends)))
        return [(n, letter) for n, letter in known if any(a <= (letter.uid if by_uid else n) <= b for a, b in ranges)]

    def _search(self, arguments: str, *, by_uid: bool) -> None:
        self._tell_new()
        words = _words(arguments)
        found = self._numbered()
        while words:
            key = words.pop(0).upper()
            if key == "CHARSET":
                words.pop(0)
            elif key == "UID":
                self._note(words[0])
                allowed = {letter.uid for _, letter in self._chosen(words.pop(0), by_uid=True)}
                found = [each for each in found if each[1].uid in allowed]
            elif key == "SINCE":
                day = datetime.strptime(words.pop(0), "%d-%b-%Y").replace(tzinfo=UTC).timestamp()
                found = [each for each in found if each[1].at >= day]
            elif key == "HEADER":
                name, value = words.pop(0), words.pop(0)
                found = [e for e in found if value in str(message_from_bytes(e[1].source).get(name, ""))]
            elif key == "UNSEEN":
                assert self._box is not None
                found = [each for each in found if each[1].uid not in self._box.seen]
            elif key != "ALL":
                raise Bad(f"unknown search key {key}")
        self._say(" ".join(["* SEARCH", *(str(letter.uid if by_uid else n) for n, letter in found)]))

    def _note(self, numbers: str) -> None:
        """A program that asks for all after a number has what comes before it."""
        first, _, last = numbers.partition(":")
        if last == "*" and self._box is not None and first.isdigit():
            self._box.fetched = max(self._box.fetched, int(first) - 1)

    def _fetch(self, arguments: str, *, by_uid: bool) -> None:
        numbers, _, wanted = arguments.partition(" ")
        for n, letter in self._chosen(numbers, by_uid=by_uid):
            parts: list[bytes] = []
            if by_uid or re.search(r"\bUID\b", wanted, re.IGNORECASE):
                parts.append(b"UID %d" % letter.uid)
            if "RFC822.SIZE" in wanted.upper():
                parts.append(b"RFC822.SIZE %d" % len(letter.source))
            if "INTERNALDATE" in wanted.upper():
                moment = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(letter.at))
                parts.append(f'INTERNALDATE "{moment}"'.encode())
            if "FLAGS" in wanted.upper():
                parts.append(b"FLAGS (\\Seen)" if self._is_seen(letter) else b"FLAGS ()")
            if found := _SECTION.search(wanted):
                content = _section(letter.source, found[2].upper())
                if not found[1]:
                    self._mark_seen(letter)
                parts.append(b"BODY[%s] {%d}\r\n" % (found[2].upper().encode(), len(content)) + content)
            self._writer.write(b"* %d FETCH (" % n + b" ".join(parts) + b")\r\n")

    def _store(self, arguments: str, *, by_uid: bool) -> None:
        numbers, what, flags = _words(arguments)[:3]
        if self._read_only:
            raise Refused("[READ-ONLY] the folder is only read")
        for n, letter in self._chosen(numbers, by_uid=by_uid):
            if what.upper().startswith("+FLAGS") and "\\seen" in flags.lower():
                self._mark_seen(letter)
            if not what.upper().endswith(".SILENT"):
                shown = "\\Seen" if self._is_seen(letter) else ""
                self._say(f"* {n} FETCH (UID {letter.uid} FLAGS ({shown}))")

    def _is_seen(self, letter: Letter) -> bool:
        return self._box is not None and letter.uid in self._box.seen

    def _mark_seen(self, letter: Letter) -> None:
        if self._box is not None and not self._read_only:
            self._box.seen.add(letter.uid)

    # The wire

    async def _line(self) -> str:
        line = await self._reader.readline()
        while found := re.search(rb"\{(\d+)\+?\}\r\n$", line):
            if not found[0].startswith(b"{" + found[1] + b"+"):
                self._say("+ go on")
                await self._writer.drain()
            literal = await self._reader.readexactly(int(found[1]))
            escaped = literal.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            line = line[: found.start()] + b'"' + escaped + b'"' + await self._reader.readline()
        return line.decode("utf-8", "replace").rstrip("\r\n")

    def _say(self, line: str) -> None:
        self._writer.write(f"{line}\r\n".encode())


class Server(Serving[Connection]):
    def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Connection:
        return Connection(self._world, reader, writer)


def _words(text: str) -> list[str]:
    return [
        re.sub(r"\\(.)", r"\1", quoted) if quoted or not (group or word) else group or word
        for quoted, group, word in _WORD.findall(text)
    ]


def _section(source: bytes, name: str) -> bytes:
    head, edge, body = source.partition(b"\r\n\r\n")
    return {"HEADER": head + edge, "TEXT": body}.get(name, source)
