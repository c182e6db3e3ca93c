"""The WhatsApp Cloud API without Meta: numbers of shops, people, their chats, and the phone page to tap through.

emulator.py    WhatsAppEmulator, the whole thing as one object       api.py         addresses of the Graph API
phones.py      what people do and see                                sending.py     messages of a shop, and their limits
webhook.py     how events reach a shop, signed                       templates.py   approved words and their gaps
cloud.py       what the servers hold                                 media.py       files, up and down
wire.py        WhatsApp's words and the page's                       formatting.py  marks in a text
errors.py      refusals

People, files, faults, the journal and the phone page are those of the Telegram stand-in.
"""

from emulators.telegram.faults import Trouble
from emulators.telegram.world import Person
from emulators.whatsapp.cloud import Number, Settings
from emulators.whatsapp.emulator import WhatsAppEmulator
from emulators.whatsapp.phones import Phone
from emulators.whatsapp.templates import Template

__all__ = ["Number", "Person", "Phone", "Settings", "Template", "Trouble", "WhatsAppEmulator"]
