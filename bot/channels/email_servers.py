"""How a mailbox is reached: its address, the server that keeps its letters, the server that sends.

Written as one line, which stands where other channels have the address of their API:
`shop@clay.example imaps://imap.clay.example:993/INBOX smtps://smtp.clay.example:465`.

imaps and smtps are TLS from the first byte; imap and smtp begin plain and must change to TLS before anything secret is
said, except on this very machine. Source: https://www.rfc-editor.org/rfc/rfc8314
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from kit.errors import Refused

PORTS = {"imaps": 993, "imap": 143, "smtps": 465, "smtp": 587}

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]\x00-\x1f\x7f]{1,64}@[^\s@<>\"(),:;\\\[\]\x00-\x1f\x7f]{1,190}")


class BadServer(Refused):
    """What was entered is not the address of a mail server."""

    code = "bad_mail_server"

    def __init__(self, text: str) -> None:
        super().__init__(f"not a mail server: {text[:60]!r}", text=text[:60])


class BadAddress(Refused):
    """What was entered is not the address of a mailbox."""

    code = "bad_mail_address"

    def __init__(self, text: str) -> None:
        super().__init__(f"not a mail address: {text[:60]!r}", text=text[:60])


@dataclass(frozen=True, slots=True)
class Server:
    """`secure` is TLS from the first byte."""

    host: str
    port: int
    secure: bool

    @property
    def may_be_plain(self) -> bool:
        """Only on this very machine does nobody listen in between."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Servers:
    """Of one mailbox. `folder` is where its letters arrive."""

    address: str
    imap: Server
    smtp: Server
    folder: str = "INBOX"

    def __str__(self) -> str:
        box = f"imap{'s' if self.imap.secure else ''}://{self.imap.host}:{self.imap.port}/{quote(self.folder, safe='')}"
        return f"{self.address} {box} smtp{'s' if self.smtp.secure else ''}://{self.smtp.host}:{self.smtp.port}"


def parse(line: str) -> Servers:
    """Raises BadServer, BadAddress."""
    words = line.split()
    if len(words) != 3:
        raise BadServer(line)
    folder = unquote(urlsplit(words[1]).path.lstrip("/")) or "INBOX"
    return made(words[0], words[1], words[2], folder)


def made(address: str, imap: str, smtp: str, folder: str = "INBOX") -> Servers:
    """Of what a person enters: a server may be a name alone, or have its port. Raises BadServer, BadAddress."""
    address = address.strip()
    if not _ADDRESS.fullmatch(address):
        raise BadAddress(address)
    return Servers(address, server(imap, "imap"), server(smtp, "smtp"), folder.strip() or "INBOX")


def server(text: str, kind: str) -> Server:
    """`kind` is imap or smtp; TLS is meant where nothing else is said. Raises BadServer."""
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        scheme = parts.scheme or (kind if parts.port == PORTS[kind] else f"{kind}s")
        port = PORTS.get(scheme, 0) if parts.port is None else parts.port
    except ValueError:
        raise BadServer(text) from None
    if scheme not in (kind, f"{kind}s") or not port or not _HOST.fullmatch(parts.hostname or ""):
        raise BadServer(text)
    return Server(parts.hostname or "", port, scheme.endswith("s"))


def tls() -> ssl.SSLContext:
    """Whoever is on the other end must show whose server it is."""
    return ssl.create_default_context()
