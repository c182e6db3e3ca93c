"""Some stories of tests.faults.model on each change; thousands by command."""

from __future__ import annotations

import pytest

from tests.faults import model
from tests.faults.servers import SERVERS


@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_no_story_ends_badly(server: str) -> None:
    """The same stories each time, so that a change of the code is all that can make one fail."""
    with model.town(server) as story:
        model.tell(story, size=4 if server else 8, shrink=False)
    assert story.told["acts"] > 50
