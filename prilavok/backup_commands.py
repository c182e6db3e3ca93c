"""`prilavok backup` and `prilavok restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kit.config import load

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]

DEFAULT = Path("config.toml")


def add_to(app: typer.Typer) -> None:
    app.command("backup")(make)
    app.command("restore")(bring_back)


def make(
    target: Annotated[Path, typer.Argument(help="The backup to make, or with --keep the folder of all of them.")],
    config: ConfigPath = DEFAULT,
    keep: Annotated[
        int, typer.Option(min=0, help="Make a dated backup in the folder and keep so many; 0: none goes, no date.")
    ] = 0,
    check: Annotated[
        bool, typer.Option("--verify", help="Make nothing: read the backup and compare its sums.")
    ] = False,
) -> None:
    """Back up the database and the files, while Prilavok may go on running."""
    from prilavok import backup, rotation
    from prilavok.backup import Manifest

    def say(head: str, manifest: Manifest) -> None:
        counts = ", ".join(f"{number} of {name}" for name, number in manifest.counts.items())
        typer.echo(
            f"{head}: {manifest.made_at}, Prilavok {manifest.prilavok}, tables {manifest.tables}; rows: {counts}"
        )
        if manifest.missing:
            typer.echo(
                f"{len(manifest.missing)} files that the database names were missing or spoilt in the files folder "
                f"already, the first is {manifest.missing[0]}",
                err=True,
            )

    if check:
        say(f"{target} is whole", backup.verify(target))
        return
    settings = load(config)
    if keep:
        made, manifest, gone = rotation.rotate(settings.database, settings.files, target, keep=keep)
        for old in gone:
            typer.echo(f"Removed {old}")
    else:
        made, manifest = target, backup.make(settings.database, settings.files, target)
    say(f"Backed up to {made}", manifest)
    typer.echo("The secret key is not in it: keep a copy of that somewhere else.")
    if manifest.missing:
        # The backup is as good as it can be, and somebody must look.
        raise typer.Exit(1)


def bring_back(
    source: Annotated[Path, typer.Argument(help="A backup.")],
    config: ConfigPath = DEFAULT,
    send: Annotated[
        bool, typer.Option("--send", help="Send what waited to be sent: only if nothing ran since the backup.")
    ] = False,
) -> None:
    """Restore a backup into the empty database and files folder that the configuration names."""
    from prilavok.restore import restore
    from storage.snapshot import kind_of

    settings = load(config)
    result = restore(source, settings, send=send)
    typer.echo(f"Restored as it was at {result.manifest.made_at}. What came later is not here.")
    if result.manifest.kind != kind_of(settings.database):
        typer.echo("The shop is in PostgreSQL now. Running, it makes what was said findable again, some minutes long.")
    if result.held:
        typer.echo(
            f"{result.held} messages waited to be sent then, and were probably sent since: they are held. Each stands "
            "as not confirmed in its conversation, with a button to send it again."
        )
    if result.unhandled:
        typer.echo(
            f"{result.unhandled} messages and presses of buyers will be handled at the start; they may get an answer "
            "that they had already."
        )
    for shop, number in result.numbers.items():
        typer.echo(f"{shop}: orders go on after number {number}, as the ones before it may be in buyers' hands.")
    if result.manifest.missing:
        typer.echo(f"{len(result.manifest.missing)} files were missing when the backup was made.", err=True)
    if not result.key_fits:
        typer.echo(
            "secret_key is not the one that sealed the tokens and payment keys of this shop: put the old one back, "
            "or enter them anew.",
            err=True,
        )
    if not send:
        typer.echo("Compare the payment provider's cabinet for the time since: those payments are unknown here.")
