"""The hub under cProfile: `python -m benchmarks.profiled <file> run --config ...`.

Writes <file>-<thread>.pstats for each thread at the end. cProfile makes calls dearer than what they call, so the
figures are shares, and small functions look larger than they are.
"""

from __future__ import annotations

import cProfile
import sys
import threading
from collections.abc import Callable

NAMES = {"MainThread": "loop", "sqlite-writer": "writer"}


def profile_threads(file: str) -> None:
    """Have each thread that starts from now on write its own profile when it ends."""
    original: Callable[[threading.Thread], None] = threading.Thread.run

    def run(thread: threading.Thread) -> None:
        profile = cProfile.Profile()
        try:
            profile.runcall(original, thread)
        finally:
            profile.dump_stats(f"{file}-{NAMES.get(thread.name, thread.name)}.pstats")

    threading.Thread.run = run  # type: ignore[method-assign]


def main() -> None:
    file = sys.argv.pop(1)
    profile_threads(file)
    from prilavok.cli import main as hub

    profile = cProfile.Profile()
    try:
        profile.runcall(hub)
    except SystemExit:
        pass
    finally:
        profile.dump_stats(f"{file}-loop.pstats")


if __name__ == "__main__":
    main()
