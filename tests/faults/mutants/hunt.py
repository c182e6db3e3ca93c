"""Plant each bug in a copy of the tree and see its check fail: `python -m tests.faults.mutants.hunt`.

A harness that does not find its planted bugs finds nothing else either. The copy without any bug must pass first. A bug
whose place in the code has changed is an error, so that none is left behind silently.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.mutants.planted import MODEL, MUTANTS, Edit, Mutant

ROOT = Path(__file__).parents[3]

FILES = ("pyproject.toml", "config.example.toml")

AT_MOST = 240.0
"""Seconds within which a check must have found the bug."""

STORIES = 150
"""How many stories the model may need."""

POSTGRES = "PRILAVOK_TEST_POSTGRES"


class Misplaced(Exception):
    """The text that a mutant replaces does not stand exactly once in its file."""

    def __init__(self, mutant: Mutant, edit: Edit, times: int) -> None:
        super().__init__(f"{mutant.name}: {edit.file} has {edit.old!r} {times} times, and not once")


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one mutant: "found", "missed", "left out", or "broken" when its code does not even run."""

    mutant: Mutant
    outcome: str
    seconds: float
    words: str = ""


@contextmanager
def copy_of_the_tree() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="prilavok-mutants-") as name:
        copy = Path(name)
        for package in sorted(found.parent.name for found in ROOT.glob("*/__init__.py")):
            shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        for file in FILES:
            shutil.copy(ROOT / file, copy / file)
        yield copy


@contextmanager
def planted(copy: Path, mutant: Mutant) -> Iterator[None]:
    """The copy with this bug in it. Raises Misplaced."""
    before = {edit.file: (copy / edit.file).read_text(encoding="utf-8") for edit in mutant.edits}
    after = dict(before)
    for edit in mutant.edits:
        times = after[edit.file].count(edit.old)
        if times != 1:
            raise Misplaced(mutant, edit, times)
        after[edit.file] = after[edit.file].replace(edit.old, edit.new)
    try:
        for file, text in after.items():
            (copy / file).write_text(text, encoding="utf-8")
        yield
    finally:
        for file, text in before.items():
            (copy / file).write_text(text, encoding="utf-8")


def tried(copy: Path, mutant: Mutant) -> Finding:
    if mutant.postgres and not os.environ.get(POSTGRES):
        return Finding(mutant, "left out", 0.0, "no PostgreSQL")
    with planted(copy, mutant):
        code, output, seconds = check(copy, [mutant.check], postgres=mutant.postgres)
    return Finding(mutant, {0: "missed", 1: "found"}.get(code, "broken"), seconds, output[-1500:])


def check(copy: Path, names: Sequence[str], *, postgres: bool, stories: int = STORIES) -> tuple[int, str, float]:
    """Run these checks in the copy: 0 if they pass, 1 if one fails, anything else if they could not be run."""
    began = time.monotonic()
    if names == [MODEL]:
        command = ["-m", "tests.faults.model", "--size", str(stories), "--no-shrink"]
    else:
        marks = "postgres" if postgres else "not postgres and not browser"
        command = ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", marks, "--timeout=90", *names]
    try:
        ended = subprocess.run(
            [sys.executable, *command],
            cwd=copy,
            env={**os.environ, "PRILAVOK_TEST_EVERYWHERE": "1"},
            capture_output=True,
            text=True,
            timeout=AT_MOST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 0, f"nothing after {AT_MOST:.0f} s", time.monotonic() - began
    output = ended.stdout + ended.stderr
    if names == [MODEL] and ended.returncode == 1 and "FAILED: model" not in output:
        return 2, output, time.monotonic() - began
    return ended.returncode, output, time.monotonic() - began


def sound(copy: Path, mutants: Sequence[Mutant]) -> str:
    """Run the same checks without any bug; what they say if they do not pass."""
    for postgres in (False, True):
        names = sorted({m.check for m in mutants if m.postgres is postgres and m.check != MODEL})
        if names and (not postgres or os.environ.get(POSTGRES)):
            code, output, _ = check(copy, names, postgres=postgres)
            if code:
                return output[-3000:]
    if any(mutant.check == MODEL for mutant in mutants):
        code, output, _ = check(copy, [MODEL], postgres=False, stories=10)
        return output[-3000:] if code else ""
    return ""


def words(findings: Sequence[Finding], seconds: float) -> str:
    """The hunt in one line."""
    counted = [finding for finding in findings if finding.outcome != "left out"]
    found = sum(finding.outcome == "found" for finding in counted)
    wrong = [finding.mutant.name for finding in counted if finding.outcome != "found"]
    left_out = len(findings) - len(counted)
    return (
        f"{'FAILED' if wrong else 'PASSED'}: mutants found {found}/{len(counted)}"
        + (f", {left_out} left out (no PostgreSQL)" if left_out else "")
        + f"; {round(seconds)} s"
        + (f"; WRONG: {', '.join(wrong)}" if wrong else "")
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants.hunt", description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--fast", action="store_true", help="those that are tried on each change")
    parser.add_argument("--quick-start", action="store_true", help="do not first see the checks pass without a bug")
    parser.add_argument("--part", default="1/1", help="only this part of them, as 2/3, to hunt side by side")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    chosen = [m for m in MUTANTS if options.only in m.name and (m.fast or not options.fast)][part - 1 :: parts]
    began, findings = time.monotonic(), []
    with copy_of_the_tree() as copy:
        if not options.quick_start and (trouble := sound(copy, chosen)):
            print(f"the checks fail without any bug:\n{trouble}")
            return 2
        for mutant in chosen:
            finding = tried(copy, mutant)
            findings.append(finding)
            print(f"{finding.outcome:8} {finding.seconds:6.1f} s  {mutant.name}  ({mutant.check})", flush=True)
            if finding.outcome in ("missed", "broken"):
                print(finding.words)
    print(words(findings, time.monotonic() - began))
    return 0 if all(finding.outcome in ("found", "left out") for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
