"""The VK API for communities without VK: communities, people, their chats, and the phone page to tap through.

emulator.py    VkEmulator, the whole thing as one object              api.py         methods over HTTP
phones.py      what people do and see                                 calls.py       what a call brings
groups.py messages.py sending.py uploads.py  the methods              keyboards.py   keyboards and carousels
events.py longpoll.py callback.py  how events reach a community       wire.py        VK's words and the page's
cloud.py       what the servers hold                                  errors.py      refusals

People, files, faults, the journal and the phone page are those of the Telegram stand-in.
"""

from emulators.telegram.faults import Trouble
from emulators.telegram.world import Person
from emulators.vk.cloud import Community, Settings
from emulators.vk.emulator import VkEmulator
from emulators.vk.phones import Phone

__all__ = ["Community", "Person", "Phone", "Settings", "Trouble", "VkEmulator"]
