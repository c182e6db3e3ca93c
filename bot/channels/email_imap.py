"""Reading a mailbox over IMAP: as much of the protocol as a receiver needs, in our own loop.

The folder is opened read-only (EXAMINE), so nothing that we do marks a letter as seen or changes it.

Source: https://www.rfc-editor.org/rfc/rfc3501, https://www.rfc-editor.org/rfc/rfc2177 (IDLE),
https://www.rfc-editor.org/rfc/rfc4959 (AUTHENTICATE with the answer at once)
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

from bot.channels.base import Broken, ChannelError, NotSent
from bot.channels.email_servers import Servers, tls

PATIENCE = 30.0
"""Seconds that a server may take to answer a command, or to hand over a part of a letter."""

LONGEST_LINE = 1_000_000
"""Bytes of one line of an answer: a search may name very many letters."""

LARGEST_LITERAL = 40_000_000
"""Bytes that a server may hand over at a time; larger letters are never asked for whole."""

NO_CONNECTION = "no connection to the mailbox"
NO_ANSWER = "the mailbox did not answer"
LOGIN_REFUSED = "the mailbox refuses the address or the password"
NO_FOLDER = "the mailbox has no such folder"
NO_TLS = "the mail server offers no encryption"

_LITERAL = re.compile(rb"\{(\d{1,12})\}\r\n$")
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,15})")
_UID = re.compile(rb"\bUID (\d{1,15})")
_DATE = re.compile(rb'INTERNALDATE "([^"]{1,40})"')


class Refusal(ChannelError):
    """The server said NO or BAD."""


class NoFolder(Broken):
    def __init__(self) -> None:
        super().__init__(NO_FOLDER)


@dataclass(slots=True)
class Answer:
    """What came before the tagged line: each untagged one with what it carries in literals."""

    lines: list[tuple[bytes, list[bytes]]] = field(default_factory=list)

    def number(self, name: bytes) -> int:
        """Of a status such as UIDVALIDITY; 0 where there is none."""
        for line, _literals in self.lines:
            if found := re.search(rb"\[" + name + rb" (\d{1,15})\]", line):
                return int(found[1])
        return 0


@dataclass(frozen=True, slots=True)
class Heading:
    """What is known of a letter before it is fetched. `at` is when the server got it, in seconds since 1970."""

    uid: int
    size: int
    at: float


class Mailbox:
    """One connection. Every method raises ChannelError: Broken for what a person must mend, NotSent for the rest."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._tags = itertools.count(1)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._abilities: frozenset[bytes] = frozenset()
        self.validity = 0
        self.next_uid = 0

    async def open(self, password: str) -> None:
        """Connect, prove who we are, and open the folder for reading."""
        server = self._servers.imap
        context = tls() if server.secure else None
        try:
            async with asyncio.timeout(PATIENCE):
                self._reader, self._writer = await asyncio.open_connection(
                    server.host, server.port, ssl=context, limit=LONGEST_LINE
                )
                await self._line()
        except ssl.SSLCertVerificationError:
            raise Broken("the mail server's certificate is not trusted") from None
        except (OSError, TimeoutError):
            raise NotSent(NO_CONNECTION) from None
        await self._ask_abilities()
        if not server.secure and not server.may_be_plain:
            await self._start_tls()
        await self._log_in(password)
        await self._ask_abilities()
        await self._examine()

    async def close(self) -> None:
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            with contextlib.suppress(OSError, TimeoutError):
                # uvloop raises RuntimeError for what is written to a connection that is gone.
                if not writer.is_closing():
                    writer.write(b"bye LOGOUT\r\n")
                writer.close()
                async with asyncio.timeout(2):
                    await writer.wait_closed()

    @property
    def can_idle(self) -> bool:
        return b"IDLE" in self._abilities

    async def after(self, uid: int) -> list[int]:
        """Numbers of the letters that came after this one, the oldest first."""
        # "n:*" always names the last letter, also one before n.
        return [found for found in await self._search(f"UID {uid + 1}:*") if found > uid]

    async def since(self, at: datetime) -> list[int]:
        """Numbers of the letters that came on that day or later, the oldest first."""
        months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
        return await self._search(f"SINCE {at.day}-{months[at.month - 1]}-{at.year}")

    async def naming(self, message_id: str) -> list[int]:
        """Numbers of the letters with this Message-ID."""
        quoted = message_id.replace("\\", "").replace('"', "")
        return await self._search(f'HEADER Message-ID "{quoted}"')

    async def headings(self, uids: Sequence[int]) -> list[Heading]:
        answer = await self._command(f"UID FETCH {','.join(map(str, uids))} (UID RFC822.SIZE INTERNALDATE)")
        found = []
        for line, _literals in answer.lines:
            uid, size, date = _UID.search(line), _SIZE.search(line), _DATE.search(line)
            if uid and size:
                found.append(Heading(int(uid[1]), int(size[1]), _moment(date[1]) if date else 0.0))
        return sorted(found, key=lambda each: each.uid)

    async def letter(self, uid: int, part: str = "") -> bytes:
        """A letter's bytes, or those of its HEADER alone; b"" where it is gone."""
        answer = await self._command(f"UID FETCH {uid} (UID BODY.PEEK[{part}])")
        for line, literals in answer.lines:
            if literals and b"FETCH" in line:
                return literals[0]
        return b""

    async def wait(self, seconds: float) -> None:
        """Until a letter may have come, or that long."""
        if not self.can_idle:
            await asyncio.sleep(seconds)
            await self._command("NOOP")
            return
        tag = await self._say(b"IDLE")
        try:
            async with asyncio.timeout(seconds):
                while b"EXISTS" not in (line := await self._line(patience=None)):
                    if line.startswith(tag):
                        raise Refusal("the server does not wait")
        except TimeoutError:
            pass
        self._write(b"DONE\r\n")
        await self._answer_to(tag)

    # Inside

    async def _ask_abilities(self) -> None:
        answer = await self._command("CAPABILITY")
        words = [line.upper().split() for line, _ in answer.lines if line.upper().startswith(b"* CAPABILITY")]
        self._abilities = frozenset(word for line in words for word in line[2:])

    async def _start_tls(self) -> None:
        if b"STARTTLS" not in self._abilities or self._writer is None:
            raise Broken(NO_TLS)
        await self._command("STARTTLS")
        try:
            async with asyncio.timeout(PATIENCE):
                await self._writer.start_tls(tls(), server_hostname=self._servers.imap.host)
        except ssl.SSLCertVerificationError:
            raise Broken("the mail server's certificate is not trusted") from None
        except (OSError, TimeoutError):
            raise NotSent(NO_CONNECTION) from None
        await self._ask_abilities()

    async def _log_in(self, password: str) -> None:
        """By SASL PLAIN, which takes any letters; by LOGIN where the server has nothing else."""
        name = self._servers.address
        try:
            if b"AUTH=PLAIN" in self._abilities:
                proof = base64.b64encode(f"\0{name}\0{password}".encode())
                tag = await self._say(b"AUTHENTICATE PLAIN")
                line = await self._line()
                if not line.startswith(b"+"):
                    raise Refusal("no")
                self._write(proof + b"\r\n")
                await self._answer_to(tag)
            else:
                await self._command(f"LOGIN {_quoted(name)} {_quoted(password)}")
        except Refusal:
            raise Broken(LOGIN_REFUSED) from None

    async def _examine(self) -> None:
        try:
            answer = await self._command(f"EXAMINE {_quoted(_utf7(self._servers.folder))}")
        except Refusal:
            raise NoFolder() from None
        self.validity, self.next_uid = answer.number(b"UIDVALIDITY"), answer.number(b"UIDNEXT")

    async def _search(self, what: str) -> list[int]:
        answer = await self._command(f"UID SEARCH {what}")
        numbers = [line.split()[2:] for line, _ in answer.lines if line.upper().startswith(b"* SEARCH")]
        return sorted(int(word) for words in numbers for word in words if word.isdigit())

    async def _command(self, command: str) -> Answer:
        return await self._answer_to(await self._say(command.encode()))

    async def _say(self, command: bytes) -> bytes:
        tag = b"p%d" % next(self._tags)
        self._write(tag + b" " + command + b"\r\n")
        return tag

    def _write(self, said: bytes) -> None:
        if self._writer is None or self._writer.is_closing():
            raise NotSent(NO_CONNECTION)
        self._writer.write(said)

    async def _answer_to(self, tag: bytes) -> Answer:
        """Everything up to the tagged line. Raises Refusal where that is no OK; its words may hold anything."""
        answer = Answer()
        while True:
            line, literals = await self._whole_line()
            if line.startswith(tag + b" "):
                if line[len(tag) + 1 :].upper().startswith(b"OK"):
                    return answer
                raise Refusal("the mailbox refuses a command")
            answer.lines.append((line, literals))

    async def _whole_line(self) -> tuple[bytes, list[bytes]]:
        """A line with the literals in it taken out."""
        line, literals = await self._line(), []
        while found := _LITERAL.search(line):
            size = int(found[1])
            if size > LARGEST_LITERAL:
                raise NotSent("the mailbox hands over more than was asked for")
            literals.append(await self._bytes(size))
            line = line[: found.start()] + b" " + await self._line()
        return line, literals

    async def _line(self, *, patience: float | None = PATIENCE) -> bytes:
        """`patience` of None is the caller's own."""
        if self._reader is None:
            raise NotSent(NO_CONNECTION)
        try:
            if patience is None:
                line = await self._reader.readline()
            else:
                async with asyncio.timeout(patience):
                    line = await self._reader.readline()
        except TimeoutError:
            if patience is None:
                raise
            raise NotSent(NO_ANSWER) from None
        except (OSError, ValueError):
            raise NotSent(NO_ANSWER) from None
        if not line.endswith(b"\n"):
            raise NotSent(NO_CONNECTION)
        return line

    async def _bytes(self, size: int) -> bytes:
        assert self._reader is not None
        got = bytearray()
        try:
            while len(got) < size:
                async with asyncio.timeout(PATIENCE):
                    chunk = await self._reader.read(min(1 << 16, size - len(got)))
                if not chunk:
                    raise NotSent(NO_CONNECTION)
                got += chunk
        except (OSError, TimeoutError):
            raise NotSent(NO_ANSWER) from None
        return bytes(got)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "") + '"'


def _utf7(folder: str) -> str:
    """A folder's name as IMAP writes it. Source: https://www.rfc-editor.org/rfc/rfc3501#section-5.1.3"""
    out: list[str] = []
    for plain, run in ((key, "".join(group)) for key, group in itertools.groupby(folder, lambda c: " " <= c <= "~")):
        coded = base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        out.append(run.replace("&", "&-") if plain else f"&{coded}-")
    return "".join(out)


def _moment(date: bytes) -> float:
    """`17-Jul-1996 02:44:25 -0700` as seconds since 1970; 0 for anything else."""
    try:
        return parsedate_to_datetime(date.decode("ascii").strip().replace("-", " ", 2)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
