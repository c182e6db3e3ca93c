"""A harness that stops finding its planted bugs is broken: a few on each change, all of them with `make mutants`."""

from __future__ import annotations

import pytest

from tests.faults.mutants.hunt import ROOT, copy_of_the_tree, sound, tried
from tests.faults.mutants.planted import MUTANTS, Edit


@pytest.mark.timeout(600)
def test_the_quick_checks_find_their_bugs_and_nothing_where_there_is_none() -> None:
    quick = [mutant for mutant in MUTANTS if mutant.fast]
    with copy_of_the_tree() as copy:
        assert not sound(copy, quick)
        ends = {mutant.name: tried(copy, mutant).outcome for mutant in quick}
    assert ends == {mutant.name: "found" for mutant in quick}


@pytest.mark.parametrize("edit", [edit for mutant in MUTANTS for edit in mutant.edits], ids=lambda edit: edit.file)
def test_every_bug_still_has_its_place_in_the_code(edit: Edit) -> None:
    assert (ROOT / edit.file).read_text(encoding="utf-8").count(edit.old) == 1


def test_each_is_told_apart() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 20
