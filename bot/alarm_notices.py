"""Telling the owners of alarms, in their own chats with the shop's bots."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from sqlalchemy.orm import Session

from bot.flows.voice import Voice, written
from bot.notices import owners_chats
from company import settings
from company.tables import Shop
from company.texts import Texts
from inbox import messages
from inbox.content import Button
from inbox.tables import Author
from storage.jobs import Job, Step

NOTICE = "alarm_notice"
"""The kind of the job: its payload has the shop, the alarm, its kind and facts, and whether it is over."""


def handlers(texts: Texts, public_url: str) -> dict[str, Step]:
    """Each owner hears of an alarm once, and once of its end."""

    def tell(session: Session, job: Job) -> None:
        told = job.payload
        shop = session.get_one(Shop, told["shop_id"])
        over = ".over" if told["over"] else ""
        for conversation in owners_chats(session, shop.id):
            voice = Voice.of(texts, conversation.locale, settings.of(shop))
            messages.say(
                session,
                conversation,
                written(
                    words(voice, shop, told["alarm_kind"], told["facts"], over=told["over"]),
                    rows=((Button(voice.plain("alarm.open"), url=f"{public_url}/operation"),),),
                ),
                author=Author.BOT,
                client_key=f"alarm:{told['alarm_id']}{over}",
                repeatable=True,
            )

    return {NOTICE: Step(tell)}


def words(voice: Voice, shop: Shop, kind: str, facts: Mapping[str, object], *, over: bool = False) -> str:
    """What is wrong, or is over, as marked text in the voice's language and the shop's time."""
    readable = {name: _readable(voice, shop, name, fact) for name, fact in facts.items()}
    return voice.marked(f"alarm.{kind}.over" if over else f"alarm.{kind}", **readable)


def _readable(voice: Voice, shop: Shop, name: str, fact: object) -> object:
    """A moment in the shop's own time, a kind of work by its name."""
    if name == "since" and isinstance(fact, str):
        local = datetime.fromisoformat(fact).astimezone(ZoneInfo(shop.timezone))
        return format_datetime(local, "d MMMM, HH:mm", locale=voice.locale)
    if name == "job_kind":
        return named(voice.texts, "job", str(fact), voice.locale)
    return named(voice.texts, "why", str(fact), voice.locale) if name == "why" else fact


def named(texts: Texts, group: str, name: str, locale: str) -> str:
    """The words for a kind of work, a queue or a failure; its own name where there are none.

    A queue of one kind of work is called as that work is.
    """
    for key in (f"{group}.{name}", f"job.{name}"):
        if (said := texts.say(key, locale)) != key:
            return said
    return name
