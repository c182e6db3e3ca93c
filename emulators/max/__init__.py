"""MAX's platform API without MAX: bots, people, their dialogs, and the phone page to tap through.

emulator.py   MaxEmulator, the whole thing as one object    api.py        methods over HTTP
phones.py     what people do and see                        sending.py    messages, edits, answers
cloud.py      what the servers hold                         uploads.py    files, both ways
updates.py    how updates reach a bot: polls and webhooks   wire.py       objects as MAX shows them

What a phone shows is what Telegram's emulator shows; see emulators/telegram/.
"""

from emulators.max.cloud import MaxBot, Settings
from emulators.max.emulator import MaxEmulator
from emulators.max.phones import Phone

__all__ = ["MaxBot", "MaxEmulator", "Phone", "Settings"]
