"""HTTP facts that every page and hook of the product shares."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from aiohttp.http import HttpProcessingError
from multidict import MultiDictProxy

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""No inline script or style, nothing from elsewhere, no framing."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TRUSTED = web.AppKey("trusted_proxies", Sequence[str])


def client_address(request: web.Request, trusted: Sequence[str]) -> str:
    """The address of who asks: X-Forwarded-For read from the right, as far as the hops are proxies we trust.

    The leftmost entry is whatever the caller wrote, so it is never taken by itself.
    """
    address = request.remote or ""
    hops = [hop.strip() for header in request.headers.getall("X-Forwarded-For", []) for hop in header.split(",")]
    while hops and is_in(address, trusted):
        address = hops.pop()
    return address


def address_parts(address: str) -> SplitResult:
    """The parts of an address; empty ones for what is none, such as "http://[", of which urlsplit makes an error."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


async def posted(request: web.Request) -> MultiDictProxy[str | bytes | bytearray | web.FileField]:
    """The form that was posted. Raises HTTPBadRequest for one that no browser makes."""
    try:
        return await request.post()
    except (ValueError, LookupError, AssertionError, HttpProcessingError):
        # aiohttp's ways to say: no boundary, a head that is none, a charset that does not exist.
        raise web.HTTPBadRequest(text="not a form") from None


async def guard_headers(request: web.Request, response: web.StreamResponse) -> None:
    """on_response_prepare: what every answer carries unless its handler chose otherwise."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cache-Control", "no-store")
    headers.pop("Server", None)


def is_in(address: str, networks: Sequence[str]) -> bool:
    """Whether the address belongs to one of the networks, each an address or a network as text."""
    try:
        known = ipaddress.ip_address(address)
        return any(known in ipaddress.ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False
