"""Fixtures of the Telegram emulator, for every test module of this folder."""

from tests.emulators.telegram_world import emulator_fixture, settings_fixture, wire_fixture

__all__ = ["emulator_fixture", "settings_fixture", "wire_fixture"]
