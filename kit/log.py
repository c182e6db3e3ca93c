"""Logs: one line for each record, JSON or readable, with the ids of what is being done and without what is private.

Modules log through `logging.getLogger(__name__)`. What is bound by `bound(job=17)` stands in every line inside of it,
of whichever module. Of an exception the log has the place and the class; its words only where the class is ours, since
others put in whatever value they stumbled over. Values of local variables never.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO

import orjson
import structlog

from kit.redaction import Redactor, one_line

QUIET = ("alembic", "apscheduler", "aiohttp.access", "aiosqlite", "asyncio", "PIL")
"""Libraries of which only warnings are wanted; some of them would log statements with their values."""

DEEPEST = 40
"""The most frames of a trace: the innermost ones."""

WRITTEN_BY_OTHERS = ("stack_info", "message", "asctime")
"""What other formatters leave in a record."""

Fields = MutableMapping[str, Any]


_bound: ContextVar[Mapping[str, object]] = ContextVar("bound")


class bound:  # noqa: N801 - used as a statement: with bound(job=17)
    """Inside, every line carries these ids; those that are None are left out. Cheap: it stands around every job."""

    __slots__ = ("_ids", "_token")

    def __init__(self, **ids: object) -> None:
        self._ids = ids

    def __enter__(self) -> None:
        self._token = _bound.set({**_bound.get({}), **self._ids})

    def __exit__(self, *_: object) -> None:
        _bound.reset(self._token)


def configure(
    level: str,
    form: str,
    *,
    own: Collection[str],
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> logging.Handler:
    """Have every logger of the process write to `stream`, stderr if none. Replaces what an earlier call configured.

    form     "json", "text", or "auto": text for a terminal, JSON for anything else
    own      packages whose exceptions may speak in the log
    secrets  values that must never be seen, beside all that looks like one
    """
    stream = stream or sys.stderr
    if form == "auto":
        form = "text" if stream.isatty() else "json"
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(form, own=own, secrets=secrets))
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    return handler


def formatter(form: str, *, own: Collection[str], secrets: Iterable[str] = ()) -> logging.Formatter:
    """Makes a record one line; for tests and for handlers of one's own."""
    redactor = Redactor(secrets)

    def trace(_logger: object, _method: str, fields: Fields) -> Fields:
        failure = fields.pop("exc_info", None)
        if isinstance(failure, tuple):
            failure = failure[1]
        if isinstance(failure, BaseException):
            fields["exception"] = list(_told(failure, own))
        for name in WRITTEN_BY_OTHERS:
            fields.pop(name, None)
        return fields

    def clean(_logger: object, _method: str, fields: Fields) -> Fields:
        return {name: _cleaned(value, redactor) for name, value in fields.items()}

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            _with_ids,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _first_line_of_asyncio,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            trace,
            clean,
            _json if form == "json" else _text,
        ],
    )


def _told(failure: BaseException, own: Collection[str]) -> Iterator[str]:
    """Innermost cause first, as Python tells it: frames, then the class, then its words if it is ours."""
    earlier = failure.__cause__ or (None if failure.__suppress_context__ else failure.__context__)
    if earlier is not None:
        yield from _told(earlier, own)
        yield "then:"
    for frame in traceback.extract_tb(failure.__traceback__, limit=-DEEPEST):
        yield f"{_short(frame.filename)}:{frame.lineno} {frame.name}"
    kind = type(failure)
    code = getattr(getattr(failure, "orig", None), "sqlstate", None) or getattr(failure, "errno", None)
    if kind.__module__.partition(".")[0] in own:
        yield f"{kind.__qualname__}: {failure}"
    else:
        yield kind.__qualname__ + (f" ({code})" if code else "")


def _short(path: str) -> str:
    """The last folders of a path are enough to find the file."""
    return "/".join(path.replace("\\", "/").split("/")[-3:])


def _with_ids(_logger: object, _method: str, fields: Fields) -> Fields:
    for name, one in _bound.get({}).items():
        if one is not None:
            fields.setdefault(name, one)
    return fields


def _first_line_of_asyncio(_logger: object, _method: str, fields: Fields) -> Fields:
    """What follows in asyncio's own messages is the representation of tasks and exceptions, values and all."""
    if fields.get("logger") == "asyncio":
        fields["event"] = str(fields["event"]).partition("\n")[0]
    return fields


def _cleaned(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, list | tuple):
        return [_cleaned(item, redactor) for item in value]
    return one_line(redactor.clean(str(value)))


def _ordered(fields: Mapping[str, Any]) -> dict[str, Any]:
    first = {name: fields[name] for name in ("at", "level", "logger", "event") if name in fields}
    last = {"exception": fields["exception"]} if "exception" in fields else {}
    return first | {name: value for name, value in fields.items() if name not in first and name not in last} | last


def _json(_logger: object, _method: str, fields: Fields) -> str:
    return orjson.dumps(_ordered(fields), default=str).decode()


def _text(_logger: object, _method: str, fields: Fields) -> str:
    line = dict(_ordered(fields))
    at, level, name, event = (line.pop(key, "") for key in ("at", "level", "logger", "event"))
    trace = line.pop("exception", [])
    ids = "".join(f" {key}={value}" for key, value in line.items())
    return "".join([f"{at[11:23]} {level.upper():<7} {name} {event}{ids}", *(f"\n    {step}" for step in trace)])
