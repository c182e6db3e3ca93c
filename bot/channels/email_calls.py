"""Handing a letter to the server that sends, and its refusals in our words.

Until the last dot of a letter nothing was sent; after it the server may have taken the letter, answer or not.

Sources: https://www.rfc-editor.org/rfc/rfc5321#section-4.2 (answers), https://www.rfc-editor.org/rfc/rfc3463 (codes)
"""

from __future__ import annotations

import contextlib
import re

import aiosmtplib

from bot.channels.base import Broken, ChannelError, NotSent, Rejected, Throttled, Unconfirmed
from bot.channels.email_bounces import reason
from bot.channels.email_servers import Servers, tls

PATIENCE = 30.0
"""Seconds that the server may take to answer. RFC 5321 allows minutes, and so many jobs would wait with it."""

AFTER_REFUSAL = 30.0
"""Seconds after which a server is asked again that wants no more for now."""

NO_CONNECTION = "no connection to the mail server"
NO_ANSWER = "the mail server did not answer"
REFUSED_LOGIN = "the mail server refuses the address or the password"
NO_TLS = "the mail server offers no encryption"
NOT_TRUSTED = "the mail server's certificate is not trusted"
NOT_OURS = "the mail server does not let us write from this address"

BLOCKED = frozenset({"5.2.1", "5.7.1"})
"""Said of a reader: his mailbox takes nothing, or nothing of ours. Source: RFC 3463, sections 3.3 and 3.8"""

_CODE = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_HASTE = re.compile(r"too (?:many|fast|much)|rate|limit|quota|frequen", re.IGNORECASE)


async def hand_over(servers: Servers, password: str, *, to: str, letter: bytes) -> None:
    """Have the letter sent. Raises ChannelError."""
    client = await _opened(servers, password)
    try:
        await _address(client, servers.address, to)
        await _data(client, letter)
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=2)
    finally:
        client.close()


async def prove(servers: Servers, password: str) -> None:
    """Whether the server lets us in. Raises ChannelError."""
    (await _opened(servers, password)).close()


async def _opened(servers: Servers, password: str) -> aiosmtplib.SMTP:
    server = servers.smtp
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.secure,
        start_tls=False,
        local_hostname="localhost" if server.may_be_plain else None,
        timeout=PATIENCE,
        tls_context=tls() if not server.may_be_plain else None,
    )
    try:
        await client.connect()
        await client.ehlo()
        if not server.secure and not server.may_be_plain:
            await client.starttls()
        await client.login(servers.address, password)
    except aiosmtplib.SMTPAuthenticationError as refused:
        client.close()
        if 400 <= refused.code < 500:
            raise _for_now(refused.code, refused.message) from None
        raise Broken(REFUSED_LOGIN) from None
    except aiosmtplib.SMTPNotSupported:
        client.close()
        raise Broken(NO_TLS) from None
    except aiosmtplib.SMTPResponseException as refused:
        client.close()
        raise _refusal(refused.code, refused.message) from None
    except (aiosmtplib.SMTPException, OSError) as failure:
        client.close()
        if "CERTIFICATE_VERIFY" in str(failure):
            raise Broken(NOT_TRUSTED) from None
        raise NotSent(NO_CONNECTION) from None
    return client


async def _address(client: aiosmtplib.SMTP, sender: str, to: str) -> None:
    try:
        await client.mail(sender)
        await client.rcpt(to)
    except aiosmtplib.SMTPSenderRefused as refused:
        if 400 <= refused.code < 500:
            raise _for_now(refused.code, refused.message) from None
        raise Broken(NOT_OURS) from None
    except aiosmtplib.SMTPRecipientRefused as refused:
        raise _refusal(refused.code, refused.message, reader=True) from None
    except aiosmtplib.SMTPResponseException as refused:
        raise _refusal(refused.code, refused.message) from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as failure:
        if isinstance(failure, ValueError):
            raise Rejected("the mail server cannot write to such an address") from None
        raise NotSent(NO_ANSWER) from None


async def _data(client: aiosmtplib.SMTP, letter: bytes) -> None:
    try:
        await client.data(letter)
    except aiosmtplib.SMTPDataError as refused:
        raise _after_data(refused.code, refused.message) from None
    except aiosmtplib.SMTPResponseException as refused:
        raise _after_data(refused.code, refused.message) from None
    except (aiosmtplib.SMTPException, OSError):
        raise Unconfirmed(NO_ANSWER) from None


def _after_data(code: int, words: str) -> ChannelError:
    """A proper refusal means that nothing was sent; anything else says nothing."""
    if 400 <= code < 600:
        return _refusal(code, words)
    return Unconfirmed("the mail server's answer makes no sense")


def _refusal(code: int, words: str, *, reader: bool = False) -> ChannelError:
    """`reader`: it was said of the one who is written to, and not of us."""
    if 400 <= code < 500:
        return _for_now(code, words)
    if not 500 <= code < 600:
        return NotSent("the mail server's answer makes no sense")
    found = _CODE.search(words)
    stated = found[1] if found else ("5.1.1" if reader and code in (550, 553) else "")
    return Rejected(reason(stated or "5.0.0"), blocked=reader and stated in BLOCKED)


def _for_now(code: int, words: str) -> ChannelError:
    """Not now: at once again for a passing trouble, as grey lists want it; later where we are too fast."""
    found = _CODE.search(words)
    if code == 421 or (found and found[1].startswith("4.7.")) or _HASTE.search(words):
        return Throttled(AFTER_REFUSAL)
    return NotSent(f"the mail server refuses for now ({code})")
