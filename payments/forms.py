"""Keys of forms: what makes a double submit one act."""

from __future__ import annotations

from kit.errors import Refused
from payments.providers.base import check_key


class BadFormKey(Refused):
    """The key is not one of ours: somebody changed the form."""

    code = "bad_form_key"


def form_key(key: str) -> str:
    """The key, fit to be the provider's idempotence key too. Raises BadFormKey."""
    try:
        check_key(key)
    except ValueError as wrong:
        raise BadFormKey(str(wrong)) from wrong
    return key
