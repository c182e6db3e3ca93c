"""Fixtures of the messengers' emulators, for every test module of this folder."""

from tests.emulators.telegram_world import emulator_fixture, settings_fixture, wire_fixture
from tests.emulators.vk_world import vk_fixture, vk_settings_fixture, vk_wire_fixture

__all__ = [
    "emulator_fixture",
    "settings_fixture",
    "vk_fixture",
    "vk_settings_fixture",
    "vk_wire_fixture",
    "wire_fixture",
]
