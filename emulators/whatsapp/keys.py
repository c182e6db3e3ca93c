"""Where the application keeps its cloud."""

from __future__ import annotations

from aiohttp import web

from emulators.whatsapp.cloud import Cloud

CLOUD = web.AppKey("whatsapp", Cloud)
