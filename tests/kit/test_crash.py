"""The list of crash points and the code that passes them are the same."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from kit import crash

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "catalog", "company", "customers", "inbox", "kit", "orders", "payments", "prilavok", "storage")


def test_every_point_of_the_list_stands_in_the_code_and_every_one_of_the_code_in_the_list() -> None:
    found = Counter(
        name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r'crash\.point\("([a-z._]+)"\)', path.read_text(encoding="utf-8"))
    )
    assert set(found) == set(crash.POINTS)
    # A commit is made in two ways, one for each database; what comes is stored by each messenger's receiver.
    several = {name for name, times in found.items() if times > 1}
    assert several == {"commit.before", "commit.after", "intake.before_store", "intake.after_store"}
