"""A PostgreSQL server of our own, to be killed: nobody else's server is touched."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.ports import free_port

STARTS_WITHIN = 60.0


class NoPostgres(Exception):
    """The server's programs are not on this machine."""


class Server:
    """One cluster in one folder, at full durability."""

    def __init__(self, folder: Path, programs: Path, port: int) -> None:
        self._folder = folder
        self._programs = programs
        self.port = port

    @property
    def address(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start, or start again after whatever happened, and wait until it answers."""
        until = time.monotonic() + STARTS_WITHIN
        while True:
            started = self._run("pg_ctl", "-w", "-l", str(self._folder / "server.log"), "start")
            if started.returncode == 0:
                return
            # Backends of a killed postmaster hold the shared memory until they have noticed.
            if time.monotonic() > until:
                raise TimeoutError((self._folder / "server.log").read_text()[-2000:])
            time.sleep(0.2)

    def kill(self) -> None:
        """kill -9 of the postmaster; its backends notice by themselves."""
        os.kill(self._postmaster(), signal.SIGKILL)

    def stop_at_once(self) -> None:
        """`pg_ctl -m immediate`: no checkpoint, recovery at the next start."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def terminate_sessions(self) -> int:
        """End every other session of the server; how many there were."""
        ended = self._ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return len(ended)

    def pause(self) -> list[int]:
        """SIGSTOP to all its processes; gives them, for `resume`."""
        parent = self._postmaster()
        found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
        processes = [parent, *(int(pid) for pid in found.stdout.split())]
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        return processes

    def resume(self, processes: list[int]) -> None:
        for pid in reversed(processes):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _postmaster(self) -> int:
        return int((self._folder / "data" / "postmaster.pid").read_text().split("\n")[0])

    def _ask(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(host="127.0.0.1", port=self.port, user="postgres", autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        return _as_nobody_special(command, self._folder)


@contextlib.contextmanager
def own_server() -> Iterator[Server]:
    """A fresh cluster that runs. Raises NoPostgres."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise NoPostgres("initdb is neither in /usr/lib/postgresql nor on PATH")
    programs = found[-1].parent if found else Path(on_path or "").parent
    with tempfile.TemporaryDirectory(prefix="prilavok-postgres-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = Server(folder, programs, free_port())
        made = server._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync")
        if made.returncode:
            raise NoPostgres(made.stderr)
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(
                f"port = {server.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\n"
                "max_connections = 60\nshared_buffers = 32MB\n"
            )
        server.start()
        try:
            yield server
        finally:
            server.stop_at_once()


def _as_nobody_special(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """PostgreSQL refuses to run as root."""
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    # Files and not pipes: the server would inherit a pipe and hold it open for ever.
    with (folder / "out.txt").open("w+") as out:
        if os.geteuid() == 0:
            shutil.chown(folder / "out.txt", "postgres")
        done = subprocess.run(command, stdout=out, stderr=out, text=True, cwd=folder, check=False, **user)  # type: ignore[call-overload]
        out.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, "", out.read())
