"""What the network and busy services do to a hub in life, as chances of each call."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from emulators.yookassa import YooKassaEmulator
from emulators.yookassa.faults import Fault
from tests.faults.messengers import Messenger


@dataclass(frozen=True, slots=True)
class Weather:
    """`doubled` and `overtaken` are chances per update, the others chances per call.

    `lost` is the chance that the work is done and the answer never comes: `hang` seconds of silence, then the end of
    the connection.
    """

    doubled: float = 0.0
    overtaken: float = 0.0
    refused: float = 0.0
    failed: float = 0.0
    lost: float = 0.0
    reset: float = 0.0
    hang: float = 2.0

    def comes(self, messengers: Sequence[Messenger], yookassa: YooKassaEmulator, seed: int) -> None:
        """Let all services behave so from now on; the same seed has the same luck."""
        for n, messenger in enumerate(messengers):
            messenger.meets(self, random.Random(seed + 2 * n))
        network = yookassa.network
        network.dice = random.Random(seed + 1)
        network.silence = self.hang
        network.rates = {
            Fault.BUSY: self.refused,
            Fault.ERROR_BEFORE: self.failed / 2,
            Fault.ERROR_AFTER: self.failed / 2,
            Fault.SILENCE_AFTER: self.lost,
            Fault.RESET_BEFORE: self.reset / 2,
            Fault.RESET_AFTER: self.reset / 2,
        }


FAIR = Weather()
ROUGH = Weather(doubled=0.05, overtaken=0.05, refused=0.03, failed=0.02, lost=0.02, reset=0.01)


def met(messengers: Sequence[Messenger], yookassa: YooKassaEmulator) -> Counter[str]:
    """How many calls met which trouble so far."""
    found = Counter({f"yookassa {fault}": number for fault, number in yookassa.network.struck.items()})
    for messenger in messengers:
        found += Counter({f"{messenger.channel} {name}": number for name, number in messenger.met().items()})
    return found
