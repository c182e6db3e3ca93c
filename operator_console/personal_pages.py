"""What a customer may ask of the shop about himself: to be given all that it has of him, and to be forgotten."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from aiohttp import web

from automation import dossier, erasing
from automation.dossier import Dossier
from company.rights import Right
from operator_console.routing import ID, Route, get, post
from operator_console.spreadsheets import CHUNK
from operator_console.visits import Visit
from storage.files import FileStore


async def download(visit: Visit) -> web.StreamResponse:
    """A ZIP with all that the shop has of him: customer.json, and the files that came and went."""
    found = await visit.write(dossier.of, visit.shop.id, visit.number())
    with TemporaryDirectory(prefix="prilavok-", ignore_cleanup_errors=True) as place:
        path = Path(place) / "customer.zip"
        await asyncio.to_thread(_pack, path, found, visit.console.files)
        answer = web.StreamResponse(
            headers={
                "Content-Type": "application/zip",
                "Content-Disposition": f'attachment; filename="customer-{visit.number()}.zip"',
                "Cache-Control": "no-store",
            }
        )
        answer.content_length = path.stat().st_size
        await answer.prepare(visit.request)
        with path.open("rb") as packed:
            while chunk := await asyncio.to_thread(packed.read, CHUNK):
                await answer.write(chunk)
        await answer.write_eof()
        return answer


async def forget(visit: Visit) -> web.StreamResponse:
    erased = await visit.write(erasing.erase, visit.shop.id, visit.number(), actor=visit.actor)
    return visit.done(go=f"/customers/{erased.id}")


ROUTES: Sequence[Route] = (
    get(f"/customers/{ID}/data", download, Right.EXPORT),
    post(f"/customers/{ID}/erase", forget, Right.SETTINGS),
)


def _pack(path: Path, found: Dossier, files: FileStore) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("customer.json", orjson.dumps(found.facts, default=_said, option=orjson.OPT_INDENT_2))
        for kept in found.files:
            if (there := files.path(kept.sha256)).exists():
                packed.write(there, kept.name)


def _said(value: Any) -> Any:
    return str(value)
