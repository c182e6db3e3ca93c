"""What takes letters, as a server for submission does: who hands them over must say who he is and write as himself.

Source: https://www.rfc-editor.org/rfc/rfc5321, https://www.rfc-editor.org/rfc/rfc4954 (AUTH),
https://www.rfc-editor.org/rfc/rfc6409 (submission), https://www.rfc-editor.org/rfc/rfc3463 (codes)
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re

from emulators.mail.serving import Serving
from emulators.mail.world import UNANSWERED, Trouble, World

LARGEST = 26_214_400
"""Bytes of a letter, 25 MB as mail services have it."""

ANSWERS = {
    Trouble.FOR_NOW: "451 4.3.0 Try again, please",
    Trouble.REFUSED: "554 5.7.0 The letter looks like spam",
    Trouble.NONSENSE: "what was that",
}
TO_READER = {
    Trouble.TOO_FAST: "450 4.7.1 Too many letters, slow down",
    Trouble.BLOCKED: "550 5.7.1 The reader does not take your letters",
}

_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>]*)>(.*)", re.IGNORECASE)


class Connection:
    """One program that hands letters over."""

    def __init__(self, world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._world = world
        self._reader, self._writer = reader, writer
        self._user = ""
        self._sender = ""
        self._readers: list[str] = []
        self._trouble: Trouble | None = None

    async def serve(self) -> None:
        self._say("220 mail.example ESMTP")
        while line := await self._reader.readline():
            if await self._world.chances.breaks():
                self.cut()
                return
            name, _, arguments = line.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
            if not await self._do(name.upper(), arguments.strip()):
                return
            await self._writer.drain()

    def cut(self) -> None:
        self._writer.transport.abort()

    async def _do(self, name: str, arguments: str) -> bool:
        """Answer one command. Whether there will be another."""
        if name in ("EHLO", "HELO"):
            self._say("250-mail.example", f"250-SIZE {LARGEST}", "250-8BITMIME", "250 AUTH PLAIN LOGIN")
        elif name == "AUTH":
            await self._authenticate(arguments)
        elif name == "MAIL":
            self._say(self._from(arguments))
        elif name == "RCPT":
            self._say(self._to(arguments))
        elif name == "DATA":
            return await self._data()
        elif name in ("RSET", "NOOP"):
            self._readers = self._readers if name == "NOOP" else []
            self._say("250 2.0.0 OK")
        elif name == "QUIT":
            self._say("221 2.0.0 Bye")
            return False
        else:
            self._say("502 5.5.1 Command not implemented")
        return True

    async def _authenticate(self, arguments: str) -> None:
        mechanism, _, first = arguments.partition(" ")
        try:
            if mechanism.upper() == "PLAIN":
                _, user, password = _told(first or await self._asked("")).split("\0")
            elif mechanism.upper() == "LOGIN":
                user = _told(first or await self._asked("Username:"))
                password = _told(await self._asked("Password:"))
            else:
                self._say("504 5.5.4 Unrecognized authentication type")
                return
        except ValueError:
            self._say("501 5.5.2 Cannot decode that")
            return
        if self._world.may_log_in(user, password):
            self._user = user
            self._say("235 2.7.0 Authentication successful")
        else:
            self._say("535 5.7.8 Wrong login or password")

    async def _asked(self, what: str) -> str:
        self._say(f"334 {base64.b64encode(what.encode()).decode()}")
        await self._writer.drain()
        return (await self._reader.readline()).decode("ascii", "replace").strip()

    def _from(self, arguments: str) -> str:
        found = _PATH.match(arguments)
        if not self._user:
            return "530 5.7.0 Authentication required"
        if found is None:
            return "501 5.5.4 Syntax: MAIL FROM:<address>"
        if found[1].lower() != self._user.lower():
            return "553 5.7.1 Sender address rejected: not owned by auth user"
        self._sender, self._readers = found[1], []
        self._trouble = self._world.trouble()
        return "250 2.1.0 OK"

    def _to(self, arguments: str) -> str:
        found = _PATH.match(arguments)
        if not self._sender:
            return "503 5.5.1 Need MAIL command"
        if found is None:
            return "501 5.5.4 Syntax: RCPT TO:<address>"
        if self._trouble in TO_READER:
            return TO_READER[self._trouble]
        if self._world.knows_domain_of(found[1]) and self._world.mailbox(found[1]) is None:
            return "550 5.1.1 No such user here"
        self._readers.append(found[1])
        return "250 2.1.5 OK"

    async def _data(self) -> bool:
        if not self._readers:
            self._say("503 5.5.1 Need RCPT command")
            return True
        self._say("354 End data with <CR><LF>.<CR><LF>")
        await self._writer.drain()
        letter = bytearray()
        while (line := await self._reader.readline()) != b".\r\n":
            if not line or len(letter) > LARGEST:
                return False
            letter += line[1:] if line.startswith(b".") else line
        trouble, readers, self._readers = self._trouble, self._readers, []
        if trouble not in (Trouble.FOR_NOW, Trouble.REFUSED, Trouble.CUT):
            self._world.deliver(self._sender, readers, bytes(letter), answered=trouble not in UNANSWERED)
        if trouble in (Trouble.CUT, Trouble.SILENT):
            self.cut()
            return False
        self._say(ANSWERS.get(trouble, "250 2.0.0 OK: queued") if trouble else "250 2.0.0 OK: queued")
        return True

    def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())


class Server(Serving[Connection]):
    def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Connection:
        return Connection(self._world, reader, writer)


def _told(coded: str) -> str:
    """Raises ValueError."""
    try:
        return base64.b64decode(coded, validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise ValueError("not base64") from None
