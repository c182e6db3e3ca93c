"""Sealed secrets open with their own key only."""

from __future__ import annotations

import pytest

from kit.secrets import SecretBox, WrongKey

KEY = "0123456789abcdef" * 4


def test_a_secret_comes_back_and_is_not_to_be_seen() -> None:
    box = SecretBox(KEY)
    sealed = box.seal("42:TOKEN")
    assert "TOKEN" not in sealed
    assert sealed != box.seal("42:TOKEN")
    assert SecretBox(KEY).open(sealed) == "42:TOKEN"


def test_another_key_or_a_changed_text_is_told() -> None:
    sealed = SecretBox(KEY).seal("42:TOKEN")
    with pytest.raises(WrongKey, match="another key"):
        SecretBox(KEY[::-1]).open(sealed)
    with pytest.raises(WrongKey):
        SecretBox(KEY).open(sealed[:-6] + "AAAAAA")
    with pytest.raises(WrongKey):
        SecretBox(KEY).open("nonsense")
