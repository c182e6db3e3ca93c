"""Where the application keeps its cloud."""

from __future__ import annotations

from aiohttp import web

from emulators.vk.cloud import Cloud

CLOUD = web.AppKey("vk", Cloud)
