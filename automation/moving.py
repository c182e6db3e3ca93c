"""Tasks follow their customer when his card is put into another, and go back when that is undone."""

from __future__ import annotations

from automation.tables import Task
from customers.merging import rows_of

HOLDER = rows_of(Task)
