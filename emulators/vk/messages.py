"""What a community reads of its dialogs, and the marks that it leaves there."""

from __future__ import annotations

from emulators.telegram.world import Chat, Json
from emulators.vk import wire
from emulators.vk.calls import Call
from emulators.vk.cloud import Cloud
from emulators.vk.errors import ApiError, wrong

PAGE = 200
ACTIVITIES = frozenset({"typing", "audiomessage", "file", "photo", "video"})


def get_history(call: Call) -> Json:
    """Messages of one dialog, newest first unless `rev`."""
    chat = _known(call)
    told = [wire.outward(each["vk"]) for each in chat.messages.values()]
    if not call.flag("rev"):
        told.reverse()
    offset, count = max(call.number("offset"), 0), min(call.number("count", 20), PAGE)
    answer: Json = {"count": len(told), "items": told[offset : offset + count]}
    if call.flag("extended"):
        answer |= {"profiles": [call.person(chat.person.id)], "groups": [call.account.community.group()]}
        answer["conversations"] = [_conversation(call.cloud, chat)]
    return answer


def get_conversations(call: Call) -> Json:
    """The dialogs, newest first."""
    kind = call.text("filter") or "all"
    if kind not in ("all", "unread", "unanswered", "important", "archive"):
        raise wrong("filter is invalid")
    group_id = call.account.community.id
    chats = [chat for (bot_id, _), chat in call.cloud.world.chats.items() if bot_id == group_id and chat.messages]
    if kind == "unread":
        chats = [chat for chat in chats if _unread(call.cloud, chat)]
    elif kind == "unanswered":
        chats = [chat for chat in chats if not _last(chat)["out"]]
    elif kind != "all":
        chats = []
    chats.sort(key=lambda chat: _last(chat)["id"], reverse=True)
    offset, count = max(call.number("offset"), 0), min(call.number("count", 20), PAGE)
    shown = chats[offset : offset + count]
    answer: Json = {
        "count": len(chats),
        "unread_count": sum(1 for chat in chats if _unread(call.cloud, chat)),
        "items": [
            {"conversation": _conversation(call.cloud, chat), "last_message": wire.outward(_last(chat))}
            for chat in shown
        ],
    }
    if call.flag("extended"):
        answer["profiles"] = [call.person(chat.person.id) for chat in shown]
        answer["groups"] = [call.account.community.group()]
    return answer


def get_by_id(call: Call) -> Json:
    numbers, cmids = call.numbers("message_ids"), call.numbers("cmids")
    if cmids:
        chat = _known(call)
        found = [chat.messages[each]["vk"] for each in cmids if each in chat.messages]
    else:
        group_id = call.account.community.id
        chats = [chat for (bot_id, _), chat in call.cloud.world.chats.items() if bot_id == group_id]
        found = [each["vk"] for chat in chats for each in chat.messages.values() if each["vk"]["id"] in numbers]
    answer: Json = {"count": len(found), "items": [wire.outward(each) for each in found]}
    if call.flag("extended"):
        answer["profiles"] = [call.person(number) for number in {each["peer_id"] for each in found}]
        answer["groups"] = [call.account.community.group()]
    return answer


def mark_as_read(call: Call) -> int:
    chat = _known(call)
    if chat.messages:
        last = int(_last(chat)["conversation_message_id"])
        up_to = min(last, call.number("up_to_cmid") or last)
        read = call.cloud.read_up_to
        read[chat.bot.id, chat.person.id] = max(up_to, read.get((chat.bot.id, chat.person.id), 0))
        for message in chat.messages.values():
            if not message["from"]["is_bot"] and message["message_id"] <= up_to and message.get("ticks") != "read":
                message["ticks"] = "read"
                chat.changed("edited", message["message_id"])
    return 1


def set_activity(call: Call) -> int:
    chat = call.chat()
    kind = call.text("type")
    if kind not in ACTIVITIES:
        raise wrong("type is invalid")
    chat.show_action("typing" if kind in ("typing", "audiomessage") else f"upload_{kind}")
    return 1


def _known(call: Call) -> Chat:
    """A dialog that there is, also one whose person does not let the community write any more."""
    chat = call.cloud.world.chats.get((call.account.community.id, call.peer()))
    if chat is None:
        raise ApiError(936) if call.peer() else wrong("peer_id is undefined")
    return chat


def _last(chat: Chat) -> Json:
    last = chat.last_message
    assert last is not None
    told: Json = last["vk"]
    return told


def _unread(cloud: Cloud, chat: Chat) -> int:
    """Messages of the person that the community has neither marked as read nor answered."""
    count, read = 0, cloud.read_up_to.get((chat.bot.id, chat.person.id), 0)
    for message in reversed(chat.messages.values()):
        told = message["vk"]
        if told["out"] or told["conversation_message_id"] <= read:
            break
        count += 1
    return count


def _conversation(cloud: Cloud, chat: Chat) -> Json:
    last = _last(chat)
    told: Json = {
        "peer": {"id": chat.person.id, "type": "user", "local_id": chat.person.id},
        "last_message_id": last["id"],
        "last_conversation_message_id": last["conversation_message_id"],
        "in_read": last["id"] if not chat.unread else 0,
        "out_read": last["id"],
        "sort_id": {"major_id": 0, "minor_id": last["id"]},
        "version": last["version"],
        "can_write": {"allowed": True} if not chat.blocked else {"allowed": False, "reason": 901},
    }
    return told | ({"unread_count": unread} if (unread := _unread(cloud, chat)) else {})
