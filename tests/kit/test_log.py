"""The log as a file shows it: one line for each record, with ids, without what is private."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from kit import log
from kit.errors import Refused

OWN = ("kit", "tests")
TOLD = "a-secret-that-the-log-was-told-of"

Written = Callable[[], str]

logger = logging.getLogger("shop.counter")


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class Ours(Refused):
    """An exception of the product."""


@pytest.fixture
def stream() -> Iterator[Stream]:
    root = logging.getLogger()
    level = root.level
    stream = Stream()
    handler = log.configure("debug", "auto", own=OWN, secrets=[TOLD], stream=stream)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def lines(stream: Stream) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_ids_of_what_is_done(stream: Stream) -> None:
    with log.bound(job=17, lane="out:4", order=None):
        logger.warning("messages of %s wait", "chat 4", extra={"account": 2})
    logger.info("over")
    first, second = lines(stream)
    assert (first["level"], first["logger"], first["event"]) == ("warning", "shop.counter", "messages of chat 4 wait")
    assert (first["job"], first["lane"], first["account"]) == (17, "out:4", 2)
    assert first["at"].endswith("Z")
    assert "order" not in first
    assert "job" not in second


def test_letters_stay_letters(stream: Stream) -> None:
    logger.info("Глина и лён")
    assert "Глина и лён" in stream.getvalue()


NAMES = (
    "Иван\nERROR root the shop is broken",
    'Иван\r\n{"level": "error"}',
    "\x1b[2J\x1b[31mcleared",
    "\x1b]0;title\x07",
    "back\x08\x08\x08space",
    "null\x00byte",
    "\x7fdelete",
    "\x9b31mred",
    "\x85next line",
    "line\u2028separator",
    "paragraph\u2029separator",
    "\u202egnp.exe",
    "\u2066isolated\u2069",
    "tab\there",
    "\x0bvertical",
    "\x0cform feed",
    'quote" and \\ backslash',
    "'; --",
    "%s %d %n",
    "{0} {event}",
)


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("name", NAMES)
def test_no_name_can_forge_a_line_or_move_the_cursor(name: str, form: str) -> None:
    stream = Stream()
    handler = log.configure("info", form, own=OWN, stream=stream)
    try:
        with log.bound(customer=name):
            logger.info("%s came", name)
    finally:
        logging.getLogger().removeHandler(handler)
    written = stream.getvalue()
    assert written.endswith("\n")
    assert len(written.splitlines()) == 1
    assert not [sign for sign in written[:-1] if ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0]
    assert not [sign for sign in written if sign in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]


SECRETS = (
    "8412345678:AAHs7mzUxjW1nQzX3Kp0cLgB5tYvR2dEfGh",
    "https://api.telegram.org/bot8412345678:AAHs7mzUxjW1nQzX3Kp0cLgB5tYvR2dEfGh/getUpdates",
    "live_mLWq8vT2xK5nR0pS7dYcB1zUfGh3JkAe",
    "test_mLWq8vT2xK5nR0pS7dYcB1zUfGh3JkAe",
    "Basic MTAwNzc3OmxpdmVfbUxXcTh2VDJ4SzVuUjBw",
    "Authorization: Bearer abcdefghijklmnop",
    "postgresql://prilavok:verysecretword@db.internal/prilavok",
    "Cookie: __Host-prilavok=verysecretword",
    'password="verysecretword"',
    "{'secret_token': 'verysecretword'}",
    "X-CSRF-Token: verysecretword",
    "GET /p/Zm9vYmFyYmF6cXV4MTIzNDU2",
    "anna@clay.example",
    "+7 900 000-00-72",
    TOLD,
)


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_secret_is_not_written(stream: Stream, secret: str) -> None:
    logger.info("failed with %s", secret, extra={"detail": secret, "all": [secret]})
    written = stream.getvalue()
    for piece in (
        "AAHs7mzUxjW1nQzX3Kp0cLgB5tYvR2dEfGh",
        "mLWq8vT2xK5nR0pS7dYcB1zUfGh3JkAe",
        "MTAwNzc3",
        "abcdefghijklmnop",
        "verysecretword",
        "Zm9vYmFyYmF6",
        "anna@",
        "000-00-72",
        TOLD,
    ):
        assert piece not in written


@pytest.mark.parametrize(
    "innocent",
    [
        "job 17 message.deliver failed",
        "account 3: the webhook could not be set: TelegramNetworkError",
        "lane in:1:700001 was taken over by another worker",
        "409: Conflict: terminated by other getUpdates request",
        "order 1284 at 2026-11-26 10:02:11 +0300",
        "GET /orders/{id} 200",
    ],
)
def test_an_ordinary_line_stays_as_it_is(stream: Stream, innocent: str) -> None:
    logger.info(innocent)
    assert lines(stream)[0]["event"] == innocent


def test_an_exception_tells_where_and_what_and_no_values(stream: Stream) -> None:
    def reads(words: str) -> int:
        return int(words)

    try:
        try:
            reads("Казань, Тайная, 7")
        except ValueError as failure:
            raise Ours("order 17 has no address") from failure
    except Ours:
        logger.exception("it broke")
    written = stream.getvalue()
    assert "Тайная" not in written
    told = lines(stream)[0]["exception"]
    assert [step for step in told if "test_log.py:" in step and step.endswith(" reads")]
    assert told[-1].endswith("Ours: order 17 has no address")
    assert "ValueError" in told


def test_asyncio_does_not_tell_what_a_lost_task_held(stream: Stream) -> None:
    said = "Task exception was never retrieved\nfuture: <Task exception=ValueError('Тайная, 7')>"
    logging.getLogger("asyncio").error(said)
    assert lines(stream)[0]["event"] == "Task exception was never retrieved"


def test_a_terminal_gets_lines_to_read() -> None:
    stream = Stream(terminal=True)
    handler = log.configure("info", "auto", own=OWN, stream=stream)
    try:
        with log.bound(job=3):
            logger.info("done")
    finally:
        logging.getLogger().removeHandler(handler)
    assert stream.getvalue().endswith("INFO    shop.counter done job=3\n")
