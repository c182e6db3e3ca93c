"""The command line: `prilavok run`, `web`, `worker`, `poll`, `demo`, `migrate`, `staff`, `backup`, `restore`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import getpass
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from sqlalchemy.exc import DBAPIError

from kit import log
from kit.config import BadConfig, Config, load
from kit.errors import Problem
from prilavok import backup_commands

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Prilavok: the counter of a shop that sells inside messengers.",
)
staff_app = typer.Typer(no_args_is_help=True, help="The people of the shop.")
app.add_typer(staff_app, name="staff")
backup_commands.add_to(app)

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]

HealthAddress = Annotated[
    str | None, typer.Option(help="host:port at which /live and /ready are answered, in place of the file's.")
]

DEFAULT = Path("config.toml")

OWN = (
    *("prilavok", "operator_console", "operation", "bot", "payments", "inbox", "orders", "catalog", "customers"),
    *("company", "storage", "kit"),
)
"""Our packages: what their exceptions say may stand in the log."""

YOUNG = 5_000
"""New objects after which the garbage collector looks at them. Python's own 700 has it look with every message."""

LAST_MOMENT = 19.5
"""Seconds after SIGTERM at which a process that could not end by itself is ended: what it held is free again then."""


def main() -> None:
    """The console script."""
    try:
        app()
    except (BadConfig, Problem) as refused:
        _give_up(str(refused))
    except OSError as failure:
        words = _in_words(failure)
        if not words:
            raise
        _give_up(words)
    except DBAPIError as failure:
        _give_up(f"The database does not work: {str(failure.orig).strip()}")


def _in_words(failure: OSError) -> str:
    """What the machine refuses, for who can do something about it; "" for what it should never refuse."""
    if failure.errno == errno.EADDRINUSE:
        return "The port is taken, perhaps by another Prilavok: stop that one, or choose another port."
    if failure.errno == errno.EADDRNOTAVAIL or isinstance(failure, socket.gaierror):
        return "host is no address of this machine: 127.0.0.1 serves a web server in front, 0.0.0.0 everybody."
    if failure.errno == errno.EACCES and not failure.filename:
        return "The port may not be used: ports below 1024 need a right of their own. Choose one above, such as 8080."
    return f"{failure.filename}: {failure.strerror}" if failure.filename else ""


def _give_up(words: str) -> NoReturn:
    typer.echo(words, err=True)
    raise SystemExit(2) from None


@app.command()
def run(config: ConfigPath = DEFAULT, health: HealthAddress = None) -> None:
    """Start the hub: pages, webhooks, messengers and the worker, in one process."""
    _serve(_configured(config, health=health), "")


@app.command()
def web(
    config: ConfigPath = DEFAULT,
    host: Annotated[str | None, typer.Option(help="The address to listen on, in place of the file's.")] = None,
    port: Annotated[int | None, typer.Option(help="The port, in place of the file's.")] = None,
    health: HealthAddress = None,
) -> None:
    """Start a process for pages and webhooks alone; any number may share one PostgreSQL."""
    _serve(_configured(config, host=host, port=port, health=health), "web")


@app.command()
def worker(config: ConfigPath = DEFAULT, health: HealthAddress = None) -> None:
    """Start a process for jobs and sending alone; any number may share one PostgreSQL."""
    _serve(_configured(config, health=health), "worker")


@app.command()
def poll(config: ConfigPath = DEFAULT, health: HealthAddress = None) -> None:
    """Start a process that only fetches what messengers have; a second one stands by."""
    _serve(_configured(config, health=health), "poll")


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo shop lives; delete it to begin anew.")] = Path(
        "data/demo"
    ),
    port: Annotated[int, typer.Option(help="The hub's port; the emulators take those after it.")] = 8080,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    database: Annotated[str, typer.Option(help="A database URL instead of an SQLite file in the folder.")] = "",
) -> None:
    """Start the demo shop: no token, no network, no database server."""
    from prilavok.demo import running

    opening = running.begin(folder=folder, host=host, port=port, database=database)
    _until_stopped(lambda stopping: running.serve(stopping, opening))


@app.command()
def migrate(
    config: ConfigPath = DEFAULT,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether a migration is missing for the code.")
    ] = False,
) -> None:
    """Bring the database to this version's tables."""
    from prilavok import installation

    if check:
        installation.check_migrations()
        typer.echo("The migrations make exactly the tables of the code.")
        return
    settings = load(config)
    installation.migrate(settings.database)
    typer.echo("The database is at the newest version.")


@staff_app.command("add")
def staff_add(
    email: str,
    name: Annotated[str, typer.Option(help="As colleagues and buyers see it.")],
    role: Annotated[
        Literal["owner", "manager", "operator", "accountant"], typer.Option(help="What they may do.")
    ] = "operator",
    config: ConfigPath = DEFAULT,
) -> None:
    """Add a member of staff; asks for the password."""
    from prilavok import installation

    settings = load(config)
    if not name.strip() or not name.isprintable():
        _give_up("--name must be a name: colleagues and buyers see it.")
    password = (
        getpass.getpass("Password (at least 8 characters): ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    )
    installation.prepare(settings)
    installation.add_staff(settings, email=email, name=name, role=role, password=password)
    typer.echo(f"{name} may sign in at {settings.public_url}/login as {email}.")


def _configured(path: Path, **changes: str | int | None) -> Config:
    """The file, with what the command line says in place of it. Raises BadConfig."""
    return load(path, **{name: value for name, value in changes.items() if value is not None})


def _serve(settings: Config, role: str) -> None:
    """`role` is empty for all of them."""
    _log(settings)
    # What is imported stays: looking for what does not would take a tenth of the start.
    gc.disable()
    from prilavok import installation
    from prilavok.hub import ALL, Hub, Role

    roles = frozenset({Role(role)}) if role else ALL
    Hub.check(settings, roles)
    installation.prepare(settings)

    async def serve(stopping: asyncio.Event) -> None:
        hub = Hub(settings, roles)
        try:
            await hub.start()
            _tidy_memory()
            typer.echo(_opened(settings, role))
            await stopping.wait()
        finally:
            await hub.stop()

    _until_stopped(serve)


def _tidy_memory() -> None:
    """What has been imported stays for good, so the garbage collector need not look at it ever again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    gc.enable()


def _opened(settings: Config, role: str) -> str:
    what = {"web": "Pages are served", "worker": "Work is done", "poll": "Messengers are listened to"}
    where = settings.public_url if role in ("", "web") else settings.database.partition("://")[0]
    return f"{what.get(role, 'Prilavok is open')}: {where}  (Ctrl-C closes it)"


def _log(settings: Config) -> None:
    log.configure(settings.log.level, settings.log.format, own=OWN, secrets=settings.secrets())


def _until_stopped(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until Ctrl-C or SIGTERM, then let `serve` end by itself."""

    async def running() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop() -> None:
            stopping.set()
            # A thread in the middle of a call would hold the process for as long as the other end is silent.
            end = threading.Timer(LAST_MOMENT, os._exit, (1,))
            end.daemon = True
            end.start()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        await serve(stopping)

    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=_fastest_loop()) as runner:
        runner.run(running())


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed; the standard loop serves as well."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
