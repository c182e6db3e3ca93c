"""A mail service without the internet: mailboxes, the server that takes letters, the one that shows them, and a simple
mail program to write them with.

emulator.py    MailEmulator, the whole thing as one object      world.py       mailboxes and letters
smtp.py        what takes letters                              imap.py        what shows a mailbox
program.py     what a person does and sees in a mail program    reports.py     letters that come back
page/          the mail program as a page
"""

from emulators.mail.emulator import MailEmulator
from emulators.mail.program import Program
from emulators.mail.world import Account, Trouble

__all__ = ["Account", "MailEmulator", "Program", "Trouble"]
