"""The command line: `prilavok run`, `demo`, `migrate`, `staff`, `backup`, `restore`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import getpass
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn

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

DEFAULT = Path("config.toml")

OWN = (
    *("prilavok", "operator_console", "operation", "bot", "payments", "inbox", "orders", "catalog", "customers"),
    *("company", "storage", "kit"),
)
"""Our packages: what their exceptions say may stand in the log."""


def main() -> None:
    """The console script."""
    try:
        app()
    except (BadConfig, Problem) as refused:
        _give_up(str(refused))
    except OSError as failure:
        if failure.errno != errno.EADDRINUSE:
            raise
        _give_up("The port is taken, perhaps by another Prilavok: stop that one, or choose another port.")
    except DBAPIError as failure:
        _give_up(f"The database does not work: {str(failure.orig).strip()}")


def _give_up(words: str) -> NoReturn:
    typer.echo(words, err=True)
    raise SystemExit(2) from None


@app.command()
def run(config: ConfigPath = DEFAULT) -> None:
    """Start the hub: pages, webhooks, messengers and the worker, in one process."""
    settings = load(config)
    _log(settings)
    from prilavok import installation
    from prilavok.hub import Hub

    installation.prepare(settings)

    async def serve(stopping: asyncio.Event) -> None:
        hub = Hub(settings)
        await hub.start()
        typer.echo(f"Prilavok is open: {settings.public_url}  (Ctrl-C closes it)")
        try:
            await stopping.wait()
        finally:
            await hub.stop()

    _until_stopped(serve)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo shop lives; delete it to begin anew.")] = Path(
        "data/demo"
    ),
    port: Annotated[int, typer.Option(help="The hub's port; the emulators take the three after it.")] = 8080,
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
    role: Annotated[str, typer.Option(help="owner or operator.")] = "operator",
    config: ConfigPath = DEFAULT,
) -> None:
    """Add a member of staff; asks for the password."""
    from prilavok import installation

    settings = load(config)
    password = (
        getpass.getpass("Password (at least 8 characters): ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    )
    installation.prepare(settings)
    installation.add_staff(settings, email=email, name=name, role=role, password=password)
    typer.echo(f"{name} may sign in at {settings.public_url}/login as {email}.")


def _log(settings: Config) -> None:
    log.configure(settings.log.level, settings.log.format, own=OWN, secrets=settings.secrets())


def _until_stopped(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until Ctrl-C or SIGTERM, then let `serve` end by itself."""

    async def running() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
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
