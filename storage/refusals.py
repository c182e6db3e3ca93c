"""Refusals that are read on the command line, by the person who runs the machine."""

from __future__ import annotations

from kit.errors import Refused


class InstallationRefused(Refused):
    """The database, a backup or the machine is not as it must be. The message says in English what to do."""

    code = "installation_refused"
