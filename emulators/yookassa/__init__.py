"""YooKassa's payment API v3 as a local service: for the demo, where no money moves, and for every test of payments.

It is a program of its own that happens to live in this repository: it knows nothing of the product, and it is kept
honest by the official client library and by the official OpenAPI description.
"""

from emulators.yookassa.emulator import YooKassaEmulator
from emulators.yookassa.faults import Fault
from emulators.yookassa.journal import LedgerRow, read_ledger
from emulators.yookassa.records import Shop

__all__ = ["Fault", "LedgerRow", "Shop", "YooKassaEmulator", "read_ledger"]
