"""The Telegram Bot API without Telegram: bots, people, their chats, and a phone page to tap through.

emulator.py    TelegramEmulator, the whole thing as one object        bot_api.py     methods over HTTP
phones.py      what people do and see                                 control.py     the same over HTTP
accounts.py sending.py editing.py  the methods                        calls.py       what they share
updates.py webhook.py              how updates reach a bot            faults.py      trouble on order
world.py files.py cloud.py         what the servers hold              journal.py     what really arrived
"""

from emulators.telegram.cloud import Settings
from emulators.telegram.emulator import TelegramEmulator
from emulators.telegram.faults import Trouble
from emulators.telegram.phones import AlbumPicture, Button, NoSuchThing, Phone, Shown
from emulators.telegram.world import Bot, Person

__all__ = [
    "AlbumPicture",
    "Bot",
    "Button",
    "NoSuchThing",
    "Person",
    "Phone",
    "Settings",
    "Shown",
    "TelegramEmulator",
    "Trouble",
]
