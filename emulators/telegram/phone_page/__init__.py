"""The phone page: a person's phone in a browser, live by server-sent events.

routes.py      pages, acts, files        live.py        what changes on the screen, with resume
rendering.py   messages into HTML        texts.py       words in Russian and English
stickers.py    a few drawn stickers      templates/ static/
"""
