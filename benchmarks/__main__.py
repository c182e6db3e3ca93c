"""All measurements in turn, or one of them: `python -m benchmarks [name [arguments]]`.

Without a name each runs with sizes that make about a quarter of an hour together on a quiet machine; alone, each takes
the defaults and arguments of its own module (`python -m benchmarks queue --help`).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence

ALL: Mapping[str, Sequence[str]] = {
    "pipeline": ("--rounds", "3", "--seconds", "3", "--rates", "50"),
    "queue": ("--rounds", "2", "--seconds", "4"),
    "growth": ("--rounds", "2", "--seconds", "4"),
    "memory": ("--rounds", "2"),
    "mailing": ("--size", "1500"),
    "console": ("--part", "0.1", "--times", "20"),
    "desks": ("--consoles", "50", "--times", "10"),
    "press": ("--buyers", "16", "--times", "3", "--no-demo"),
}
"""Module → its arguments when all are run."""


def main() -> None:
    name, *arguments = sys.argv[1:] or [""]
    if name in ("-h", "--help") or (name and name not in ALL):
        sys.exit(f"{__doc__}\nNames: {', '.join(ALL)}")
    runs = {name: arguments} if name else ALL
    failed = []
    for module, given in runs.items():
        if not name:
            print(f"\n## {module}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{module}", *given], check=False).returncode:
            failed.append(module)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
