"""The console's addresses as data: each names the right that it takes, so that tests can walk them all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from company.rights import Right
from operator_console.visits import Visit

Page = Callable[[Visit], Awaitable[web.StreamResponse]]

ID = r"{id:\d{1,18}}"
"""A row's number in an address."""


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    page: Page
    right: Right


def get(path: str, page: Page, right: Right = Right.READ) -> Route:
    return Route("GET", path, page, right)


def post(path: str, page: Page, right: Right) -> Route:
    return Route("POST", path, page, right)
