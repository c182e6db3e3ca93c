"""One thing that a buyer said or did, and what a flow can do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from bot.flows.voice import Voice
from company.settings import ShopSettings
from company.tables import ChannelAccount, Shop, Staff
from company.texts import Texts
from customers.tables import Customer
from inbox import messages
from inbox.capabilities import Capabilities
from inbox.content import Action, Incoming, Outgoing, load_outgoing
from inbox.tables import Author, Conversation, Message
from kit.clock import utc_now
from kit.errors import Problem
from storage import jobs

FRESH = timedelta(seconds=20)
"""A press on an older version this soon after the edit is a second tap, not a buyer lost in an old menu."""

StaffActs = Mapping[str, Callable[["Turn", Staff, Mapping[str, Any]], None]]
"""What buttons in the staff's chats do besides those of orders, by the names of their actions."""

TOAST = 190
"""The longest answer to a press that every messenger shows."""


@dataclass(slots=True)
class Turn:
    """Handling one Incoming: everything it is about, and the verbs that a flow answers with.

    `message` is the row of what was said, `pressed` the row whose button was pressed, if it stands in this very
    conversation. Works inside the caller's transaction.
    """

    session: Session
    shop: Shop
    settings: ShopSettings
    account: ChannelAccount
    capabilities: Capabilities
    conversation: Conversation
    customer: Customer
    incoming: Incoming
    message: Message | None
    pressed: Message | None
    texts: Texts
    locale: str
    public_url: str
    staff_acts: StaffActs = field(default_factory=dict)
    voice: Voice = field(init=False)
    _answered: bool = field(default=False, init=False)
    _content: dict[str, Any] | None = field(default=None, init=False)
    _read: Outgoing = field(default_factory=Outgoing, init=False)

    def __post_init__(self) -> None:
        self.voice = Voice.of(self.texts, self.locale, self.settings)

    @property
    def actor(self) -> str:
        return f"customer:{self.customer.id}"

    @property
    def action(self) -> Action | None:
        """What stands behind the pressed button in its message as it is now; None for a button that nobody gave."""
        press, pressed = self.incoming.press, self.pressed
        if press is None or pressed is None or pressed.private or pressed.author == Author.BUYER:
            return None
        buttons = self._shown(pressed).buttons()
        return buttons[press.index].action if 0 <= press.index < len(buttons) else None

    @property
    def stale(self) -> bool:
        """The button that was pressed belonged to an earlier content of its message."""
        press = self.incoming.press
        return press is not None and self.pressed is not None and press.version != self.pressed.version

    @property
    def just_changed(self) -> bool:
        """The message was edited a moment ago: the buyer may not have seen it when he pressed."""
        edited = self.pressed.edited_at if self.pressed is not None else None
        return edited is not None and utc_now() - edited < FRESH

    def say(self, outgoing: Outgoing, *, repeatable: bool = False) -> None:
        """A new message. `repeatable`: a second copy of it does no harm."""
        messages.say(self.session, self.conversation, outgoing, author=Author.BOT, repeatable=repeatable)

    def show(self, outgoing: Outgoing, *, repeatable: bool = False) -> None:
        """In place of the message whose button was pressed, where the channel can do that; otherwise anew."""
        if self.pressed is not None and self._fits_in_place(self.pressed, outgoing):
            messages.edit(self.session, self.conversation, self.pressed, outgoing)
        else:
            self.say(outgoing, repeatable=repeatable)

    def version_of(self, outgoing: Outgoing) -> int:
        """The version of its message in which `show` would put this before the buyer."""
        if self.pressed is not None and self._fits_in_place(self.pressed, outgoing):
            return self.pressed.version + 1
        return 1

    def toast(self, text: str, *, alert: bool = False) -> None:
        """Answer the press with a short text that passes; with none, the button just stops waiting.

        Where nothing passes, an alert is a message of its own and anything less is seen by what follows.
        """
        press = self.incoming.press
        if press is None or self._answered:
            return
        if not press.ack:
            if alert and text:
                self._answered = True
                self.say(Outgoing(text=text))
            return
        self._answered = True
        jobs.put(
            self.session,
            "press.answer",
            {"account_id": self.account.id, "ack": press.ack, "text": text[:TOAST], "alert": alert},
            lane=f"press:{self.conversation.id}",
        )

    def tell(self, problem: Problem) -> None:
        """Say what is not possible: as an answer to the press, or as a message."""
        words = self.voice.problem(problem)
        if self.incoming.press is not None and self.incoming.press.ack:
            self.toast(words, alert=True)
        else:
            self.say(Outgoing(text=words))

    def go(self, flow: str, **state: Any) -> None:
        """What the conversation is about from now on; an empty flow is free talk."""
        self.conversation.flow = flow
        self.conversation.flow_state = state

    def _shown(self, pressed: Message) -> Outgoing:
        """What stood there when the button was pressed; an edit replaces its content, so it is read once."""
        if self._content is not pressed.content:
            self._content, self._read = pressed.content, load_outgoing(pressed.content)
        return self._read

    def _fits_in_place(self, pressed: Message, outgoing: Outgoing) -> bool:
        if not self.capabilities.edit or outgoing.keyboard or outgoing.drop_keyboard:
            return False
        shown = self._shown(pressed)
        if shown.offers is not None or (outgoing.offers is not None and self.capabilities.goods is not None):
            # Products that stand as one thing stay to be looked through, and take no other message's place.
            return False
        # A message with a picture cannot become one without, nor get a picture, in every messenger.
        return bool(shown.media) == bool(outgoing.media) and not shown.keyboard
