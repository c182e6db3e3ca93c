"""What the hub is measured against: programs that answer the same buyers with the same words.

floor         aiohttp, uvloop and orjson: the two HTTP hops, and nothing else
plain         aiogram's own webhook handler and one answer, nothing stored
stored        aiogram with SQLAlchemy's asynchronous ORM in its handlers, as people write such bots
"""
