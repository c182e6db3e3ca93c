"""Reading WhatsApp's events: plain JSON in, our words out.

What is stored is one message or one status with what stood around it, in the shape in which Meta brings many at once.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bot.channels.base import Closed, Envelope, read_button
from bot.channels.whatsapp_calls import refusal
from bot.channels.whatsapp_write import SAYS
from inbox.content import Contact, Fate, Incoming, Location, Media, MediaKind, Press, Profile, Receipt, Wanted

Json = Mapping[str, Any]

FIELD = "messages"
"""The webhook field that brings messages and statuses; others are about the account."""

FATES = {"sent": Fate.SENT, "delivered": Fate.DELIVERED, "read": Fate.READ, "played": Fate.READ, "failed": Fate.FAILED}

KINDS = {
    "image": MediaKind.PHOTO,
    "video": MediaKind.VIDEO,
    "audio": MediaKind.AUDIO,
    "document": MediaKind.DOCUMENT,
    "sticker": MediaKind.STICKER,
}

START = "/start"


def apart(body: Json, number: str) -> Iterator[Envelope]:
    """One call of Meta's as single messages and statuses, those of this number."""
    for entry in _list(body.get("entry")):
        for change in _list(entry.get("changes")):
            value = change.get("value")
            if change.get("field") != FIELD or not isinstance(value, Mapping):
                continue
            if str(_map(value.get("metadata")).get("phone_number_id", "")) != number:
                continue
            for what, name in (("messages", _name_of_message), ("statuses", _name_of_status)):
                for one in _list(value.get(what)):
                    chat = _chat(one, what)
                    if chat and (named := name(one)):
                        yield Envelope(chat, named, {"field": FIELD, "value": _alone(value, what, one)})


def read(event: Json) -> Sequence[Incoming]:
    """One stored event as what a buyer said, or as what became of a message of ours."""
    value = _map(event.get("value"))
    found = [_receipt(status) for status in _list(value.get("statuses"))]
    people = {_who(each): each for each in _list(value.get("contacts"))}
    return [*found, *(said for message in _list(value.get("messages")) for said in _message(message, people))]


def _list(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _map(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def _who(contact: Json) -> str:
    """A person's number, or the id that he has towards this business where he hides it."""
    return str(contact.get("wa_id") or contact.get("user_id") or "")


def _chat(one: Json, what: str) -> str:
    names = ("from", "from_user_id") if what == "messages" else ("recipient_id", "recipient_user_id")
    return next((str(one[name])[:60] for name in names if one.get(name)), "")


def _name_of_message(message: Json) -> str:
    return f"in-{message['id']}" if message.get("id") else ""


def _name_of_status(status: Json) -> str:
    return f"{status.get('status')}-{status['id']}" if status.get("id") else ""


def _alone(value: Json, what: str, one: Json) -> Json:
    """The value with this one thing in it, and who says it."""
    around = {name: part for name, part in value.items() if name not in ("messages", "statuses", "contacts")}
    if what == "messages":
        around["contacts"] = [each for each in _list(value.get("contacts")) if _who(each) == _chat(one, what)]
    return {**around, what: [one]}


def _receipt(status: Json) -> Incoming:
    fate = FATES.get(str(status.get("status")), Fate.SENT)
    failures = [refusal(error) for error in _list(status.get("errors"))]
    receipt = Receipt(
        place=str(status["id"]),
        fate=fate,
        key=str(status.get("biz_opaque_callback_data") or ""),
        reason=str(failures[0]) if failures else "",
        closed=fate is Fate.FAILED and any(isinstance(failure, Closed) for failure in failures),
    )
    chat = _chat(status, "statuses")
    return Incoming(
        external_id=_name_of_status(status), profile=Profile(chat), receipt=receipt, sent_at=_moment(status)
    )


def _moment(one: Json) -> float:
    told = str(one.get("timestamp", ""))
    return float(told) if told.isdigit() else 0.0


def _message(message: Json, people: Mapping[str, Json]) -> Sequence[Incoming]:
    chat = _chat(message, "messages")
    name = str(_map(_map(people.get(chat)).get("profile")).get("name", ""))
    # The number under which somebody writes is proven by WhatsApp itself.
    profile = Profile(chat, name=name, phone=f"+{chat}" if chat.isdigit() else "")
    kind = str(message.get("type") or "unknown")
    context = _map(message.get("context"))
    around: dict[str, Any] = {
        "external_id": str(message["id"]),
        "profile": profile,
        "reply_to": str(context.get("id") or ""),
        "sent_at": _moment(message),
        "context": _came_from(message),
    }
    reader = _READERS.get(kind)
    parts = reader(_map(message.get(kind)), context) if reader is not None else None
    if kind == "contacts":
        parts = _contacts(_list(message.get("contacts")), chat)
    if parts is None:
        return (Incoming(**around, unsupported=_unsupported(message, kind)),)
    return (Incoming(**{**around, **parts}),) if parts else ()


def _came_from(message: Json) -> dict[str, str]:
    """The advertisement that was followed."""
    address = str(_map(message.get("referral")).get("source_url") or "")
    return {"referrer": address[:300]} if address else {}


def _unsupported(message: Json, kind: str) -> str:
    for error in _list(message.get("errors")):
        return str(_map(error.get("error_data")).get("details") or error.get("title") or kind)[:80]
    return kind[:80]


Parts = dict[str, Any] | None
"""Fields of the Incoming; {} for what is nothing to keep, None for what cannot be shown."""


def _text(held: Json, _context: Json) -> Parts:
    text = str(held.get("body", ""))
    command, _, parameter = text.partition(" ")
    return {"text": text} | ({"start": parameter.strip()[:64]} if command == START else {})


def _file(kind: str) -> Callable[[Json, Json], Parts]:
    def reader(held: Json, _context: Json) -> Parts:
        if not held.get("id"):
            return None
        ours = MediaKind.VOICE if held.get("voice") else KINDS[kind]
        mime = str(held.get("mime_type", "")).partition(";")[0]
        media = Media(ours, remote=str(held["id"]), name=str(held.get("filename", ""))[:200], mime=mime)
        return {"media": (media,), "text": str(held.get("caption", ""))}

    return reader


def _location(held: Json, _context: Json) -> Parts:
    if not isinstance(held.get("latitude"), int | float) or not isinstance(held.get("longitude"), int | float):
        return None
    title = ", ".join(str(held[part]) for part in ("name", "address") if held.get(part))
    return {"location": Location(float(held["latitude"]), float(held["longitude"]), title[:200])}


def _contacts(cards: Sequence[Json], chat: str) -> Parts:
    """The first card that has a number; the others as words."""
    told = []
    for card in cards:
        name = str(_map(card.get("name")).get("formatted_name", ""))
        for phone in _list(card.get("phones")):
            told.append((name, str(phone.get("phone") or phone.get("wa_id") or ""), str(phone.get("wa_id", ""))))
    told = [one for one in told if one[1]]
    if not told:
        return None
    name, number, wa_id = told[0]
    others = "\n".join(f"{other} {telephone}".strip() for other, telephone, _ in told[1:])
    # Whoever sends a card writes it: his own is taken only with the very number under which he writes.
    own = wa_id == chat and "".join(filter(str.isdigit, number)) == chat
    return {"contact": Contact(phone=number, name=name, own=own), "text": others}


def _reaction(held: Json, _context: Json) -> Parts:
    """A sign on a message, or that it was taken off."""
    sign = str(held.get("emoji") or "")
    return {"reply_to": str(held.get("message_id", "")), "signs": (sign,) if sign else ()}


def _interactive(held: Json, context: Json) -> Parts:
    reply = _map(held.get(str(held.get("type", ""))))
    return _pressed(str(reply.get("id", "")), str(reply.get("title", "")), context) if reply else None


def _button(held: Json, context: Json) -> Parts:
    """A button of a template."""
    return _pressed(str(held.get("payload", "")), str(held.get("text", "")), context)


def _pressed(name: str, label: str, context: Json) -> Parts:
    if name.startswith(SAYS):
        return {"text": name.removeprefix(SAYS), "reply_to": ""}
    message_id, version, index = read_button(name)
    if not message_id:
        return {"text": label}
    place = str(context.get("id") or "")
    return {"press": Press(message_id=message_id, version=version, index=index, place=place)}


def _order(held: Json, _context: Json) -> Parts:
    """What was put into the basket of the catalogue."""
    wanted = [
        Wanted(
            sku=str(item.get("product_retailer_id", ""))[:120],
            quantity=int(_number(item.get("quantity"), 1)),
            price=_number(item.get("item_price"), 0.0),
            currency=str(item.get("currency", ""))[:3],
        )
        for item in _list(held.get("product_items"))
    ]
    lines = [
        f"{one.sku} × {one.quantity}" + (f" — {one.price:g} {one.currency}" if one.price else "") for one in wanted
    ]
    text = "\n\n".join(part for part in (str(held.get("text") or ""), "\n".join(lines)) if part)
    return {"text": text, "wanted": tuple(wanted)} if wanted else None


def _number(told: Any, otherwise: float) -> float:
    """Meta's pages show numbers of an order in quotes, its calls bring them without."""
    try:
        found = float(told)
    except (TypeError, ValueError):
        return otherwise
    return found if abs(found) < 10**12 else otherwise


_READERS: Mapping[str, Callable[[Json, Json], Parts]] = {
    "text": _text,
    **{kind: _file(kind) for kind in KINDS},
    "location": _location,
    "reaction": _reaction,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
}
