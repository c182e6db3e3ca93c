"""Whether a mailbox opens and its server sends: asked of both before anything is kept.

What sends is imported where it is needed: its library takes a tenth of a second, which only those with a mailbox pay.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.channels import email_servers
from bot.channels.base import Broken, ChannelError, Parcel
from bot.channels.connecting import BadToken, ChannelSilent, Found, NotAccepted
from bot.channels.email_heads import normal
from bot.channels.email_imap import LOGIN_REFUSED, Mailbox, NoFolder
from bot.channels.email_servers import Servers
from inbox.content import Outgoing
from kit.errors import Refused

NAME = "E-mail"


class PasswordRefused(BadToken):
    """The server knows no such pair of address and password. `server` says which one."""

    code = "mail_password_refused"

    def __init__(self, server: str) -> None:
        super().__init__(NAME)
        self.facts = {"server": server}


class ServerSilent(ChannelSilent):
    """The server could not be reached, or speaks without encryption."""

    code = "mail_server_silent"

    def __init__(self, server: str) -> None:
        super().__init__(NAME)
        self.facts = {"server": server}


class NoSuchFolder(Refused):
    """The mailbox has no folder of that name."""

    code = "mail_no_folder"

    def __init__(self, folder: str) -> None:
        super().__init__(f"no folder {folder!r}", folder=folder[:60])


def address_of(form: Mapping[str, str]) -> str:
    """How the mailbox is reached, out of what was entered. Raises BadAddress, BadServer."""
    folder = form.get("folder", "").strip() or "INBOX"
    return str(email_servers.made(form["address"], form["imap"], form["smtp"], folder))


async def whose(token: str, api: str) -> Found:
    """Raises also NoSuchFolder, BadServer, BadAddress."""
    from bot.channels import email_calls

    servers = email_servers.parse(api)
    if not token:
        raise PasswordRefused(servers.imap.host)
    await _reads(servers, token)
    try:
        await email_calls.prove(servers, token)
    except Broken as broken:
        raise _told(broken, servers.smtp.host) from None
    except ChannelError:
        raise ServerSilent(servers.smtp.host) from None
    return Found(normal(servers.address), servers.address)


async def probe(token: str, api: str, sender: str, to: str, words: str) -> None:
    """A letter to a person of the staff, over the whole way."""
    from bot.channels import email_calls, email_write

    servers = email_servers.parse(api)
    parcel = Parcel(message_id=0, version=0, chat=to, outgoing=Outgoing(text=words), by_machine=True)
    letter = email_write.letter(parcel, to=to, sender=(sender, servers.address), key="", links="")
    try:
        await email_calls.hand_over(servers, token, to=to, letter=letter)
    except Broken as broken:
        raise _told(broken, servers.smtp.host) from None
    except ChannelError as failure:
        raise NotAccepted(NAME, str(failure)) from None


async def _reads(servers: Servers, password: str) -> None:
    box = Mailbox(servers)
    try:
        await box.open(password)
    except NoFolder:
        raise NoSuchFolder(servers.folder) from None
    except Broken as broken:
        raise _told(broken, servers.imap.host) from None
    except ChannelError:
        raise ServerSilent(servers.imap.host) from None
    finally:
        await box.close()


def _told(broken: Broken, server: str) -> Refused:
    from bot.channels.email_calls import REFUSED_LOGIN

    return PasswordRefused(server) if str(broken) in (REFUSED_LOGIN, LOGIN_REFUSED) else ServerSilent(server)
