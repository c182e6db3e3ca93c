"""Some stories of tests.faults.model on each change; thousands by command."""

from __future__ import annotations

import pytest

from emulators.yookassa.bank import RefundOutcome
from tests.faults import model
from tests.faults.servers import SERVERS


@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_no_story_ends_badly(server: str) -> None:
    """The same stories each time, so that a change of the code is all that can make one fail."""
    with model.town(server) as story:
        model.tell(story, size=4 if server else 8, shrink=False)
    assert story.told["acts"] > 50


def test_a_bank_that_takes_a_day_for_a_refund_is_no_fault_of_the_hub() -> None:
    """Nothing is missing while the bank has not decided; what it decides is found by the poller alone."""
    with model.town() as told:
        story = told()
        try:
            story.begins(asks=False, orders=True, pays=True)
            story.a_signal_comes(hub=0, what=1, times=1, kind="notice")
            story.the_clock_jumps(seconds=5)
            story.go_on()
            assert story.rows("SELECT state FROM payment") == [("paid",)]
            story.the_bank_decides_a_refund(refund=0, how=RefundOutcome.STAYS_PENDING)
            story.an_operator_refunds(hub=0, payment=0, amount=100, twice=False)
            assert story.rows("SELECT state FROM refund") == [("pending",)]
        finally:
            story.teardown()
