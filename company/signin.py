"""Signing in to the console: sessions of browsers in SQL, and a brake on guessing.

The order of things at the edge: `check` and `staff.by_email` in a read, `staff.verify` in a thread, `sign_in` in a
write. `sign_in` checks the brake once more, so guesses sent at the same moment do not slip past it.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import SignIn, SignInFailure, Staff
from kit.clock import utc_now
from kit.errors import Refused

IDLE = timedelta(hours=12)
"""A browser that is not used for so long is signed out."""

LONGEST = timedelta(days=7)
"""A browser is signed out so long after it signed in, used or not."""

TOUCH = timedelta(minutes=5)
"""How often a browser in use is noted in its row."""

WINDOW = timedelta(minutes=15)
"""Failures older than this do not count."""


@dataclass(frozen=True, slots=True)
class _Brake:
    """After `free` failures within WINDOW the next try waits: `first` after the last failure, then twice as long."""

    free: int
    first: timedelta

    def until(self, failures: int, last: datetime) -> datetime:
        if failures < self.free:
            return last
        doublings = min(failures - self.free, 20)
        return last + min(WINDOW, self.first * (1 << doublings))


# The pair is the tight one. An account alone is looser, so that a stranger cannot lock its owner out for nothing;
# an address alone too, as many people may sit behind it.
_PAIR = _Brake(free=5, first=timedelta(seconds=15))
_ACCOUNT = _Brake(free=30, first=timedelta(seconds=15))
_ADDRESS = _Brake(free=50, first=timedelta(seconds=15))


class TooManyTries(Refused):
    """Wait before the next sign-in."""

    code = "too_many_tries"

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        super().__init__(f"wait {wait}", minutes=max(1, math.ceil(wait / timedelta(minutes=1))))


class WrongPassword(Refused):
    """No such address, or not its password: which of the two is not said."""

    code = "wrong_password"


def check(session: Session, email: str, address: str) -> None:
    """Raises TooManyTries while guesses at this account or from this address are being slowed down."""
    email, now = _kept(email), utc_now()
    until = max(
        _brake(session, _PAIR, SignInFailure.email == email, SignInFailure.address == address),
        _brake(session, _ACCOUNT, SignInFailure.email == email),
        _brake(session, _ADDRESS, SignInFailure.address == address),
    )
    if until > now:
        raise TooManyTries(until - now)


def _brake(session: Session, brake: _Brake, *of: sa.ColumnElement[bool]) -> datetime:
    now = utc_now()
    count, last = session.execute(
        sa.select(sa.func.count(), sa.func.max(SignInFailure.at)).where(*of, SignInFailure.at > now - WINDOW)
    ).one()
    return brake.until(count, last) if last is not None else now - WINDOW


def sign_in(session: Session, email: str, *, verified: bool, agent: str = "", address: str = "") -> str | None:
    """A token for the browser's cookie, or None when `verified` is False or the person may not sign in.

    `verified` is what `staff.verify` said of the password. A failure is recorded, so the caller commits in both
    cases. Raises TooManyTries, whatever the password was.
    """
    check(session, email, address)
    staff = session.scalar(sa.select(Staff).where(Staff.email == _kept(email), Staff.active))
    if staff is None or not verified:
        session.add(SignInFailure(email=_kept(email), address=address[:64], at=utc_now()))
        session.flush()
        return None
    session.execute(
        sa.delete(SignInFailure).where(SignInFailure.email == staff.email, SignInFailure.address == address)
    )
    token, now = secrets.token_urlsafe(32), utc_now()
    session.add(
        SignIn(
            token_hash=_hash(token),
            staff_id=staff.id,
            csrf=secrets.token_urlsafe(32),
            agent=agent[:200],
            created_at=now,
            seen_at=now,
        )
    )
    session.flush()
    return token


def find(session: Session, token: str) -> tuple[SignIn, Staff] | None:
    """Who the browser with this token is; None when it was signed out, by itself or by time."""
    row = session.execute(
        sa.select(SignIn, Staff)
        .join(Staff, Staff.id == SignIn.staff_id)
        .where(SignIn.token_hash == _hash(token), *_valid(utc_now()))
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def people(session: Session, tokens: Collection[str]) -> dict[str, int]:
    """The ids of those whose browsers these tokens are, without what was signed out."""
    now, known = utc_now(), {_hash(token): token for token in tokens}
    rows = session.execute(
        sa.select(SignIn.token_hash, SignIn.staff_id)
        .join(Staff, Staff.id == SignIn.staff_id)
        .where(SignIn.token_hash.in_(known), *_valid(now))
    )
    return {known[token_hash]: staff_id for token_hash, staff_id in rows}


def _valid(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (SignIn.seen_at > now - IDLE, SignIn.created_at > now - LONGEST, Staff.active.is_(True))


def is_stale(sign_in: SignIn) -> bool:
    """Whether it is time to note with `touch` that the browser is in use."""
    return utc_now() - sign_in.seen_at > TOUCH


def touch(session: Session, token_hash: str) -> None:
    session.execute(sa.update(SignIn).where(SignIn.token_hash == token_hash).values(seen_at=utc_now()))


def open_of(session: Session, staff_id: int) -> list[SignIn]:
    """The person's browsers that are signed in, the last used first."""
    now = utc_now()
    return list(
        session.scalars(
            sa.select(SignIn)
            .where(SignIn.staff_id == staff_id, SignIn.seen_at > now - IDLE, SignIn.created_at > now - LONGEST)
            .order_by(SignIn.seen_at.desc())
        )
    )


def sign_out(session: Session, token: str) -> None:
    session.execute(sa.delete(SignIn).where(SignIn.token_hash == _hash(token)))


def sign_out_all(session: Session, staff_id: int, *, but: str | None = None) -> None:
    """Sign the person out everywhere, except in the browser with the token `but`."""
    ended = sa.delete(SignIn).where(SignIn.staff_id == staff_id)
    if but is not None:
        ended = ended.where(SignIn.token_hash != _hash(but))
    session.execute(ended)


def change_password(session: Session, staff: Staff, password_hash: str, *, but: str | None = None) -> None:
    """Keep the new hash (from `staff.hash_password`) and sign the person out everywhere but in this browser."""
    staff.password_hash = password_hash
    session.flush()
    sign_out_all(session, staff.id, but=but)


def dismiss(session: Session, staff: Staff) -> None:
    """The person works here no more: signed out everywhere, no chat can be joined; what he did keeps his name."""
    staff.active, staff.link_code = False, None
    session.flush()
    sign_out_all(session, staff.id)


def prune(session: Session) -> int:
    """Forget failures and sign-ins that count no more. Returns how many rows went."""
    now = utc_now()
    over = sa.or_(SignIn.seen_at <= now - IDLE, SignIn.created_at <= now - LONGEST)
    gone = 0
    for statement in (sa.delete(SignInFailure).where(SignInFailure.at <= now - WINDOW), sa.delete(SignIn).where(over)):
        result = session.execute(statement)
        assert isinstance(result, sa.CursorResult)
        gone += result.rowcount
    return gone


def _kept(email: str) -> str:
    return email.strip().lower()[:254]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
