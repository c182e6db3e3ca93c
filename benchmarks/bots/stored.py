"""A bot as people write them: aiogram, a session per update from a middleware, and the asynchronous ORM in handlers.

It keeps users, what they say and what they are answered, and looks products up; it knows no duplicates, promises no
order, and loses an answer that it could not send. SQLite as SQLAlchemy opens it by default, PostgreSQL over psycopg.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from aiogram import BaseMiddleware, Dispatcher, F, Router
from aiogram.filters import CommandStart
from aiogram.types import CallbackQuery, Message, TelegramObject
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

from benchmarks.bots import words
from benchmarks.bots.plain import MENU, inline, serve


class Base(DeclarativeBase):
    type_annotation_map = {datetime: sa.DateTime(timezone=True)}  # noqa: RUF012


class User(Base):
    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    telegram_id: Mapped[int] = mapped_column(sa.BigInteger, unique=True)
    name: Mapped[str]
    username: Mapped[str | None]
    seen_at: Mapped[datetime]


class Line(Base):
    """A message of either side."""

    __tablename__ = "line"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    telegram_id: Mapped[int] = mapped_column(sa.BigInteger)
    from_bot: Mapped[bool]
    text: Mapped[str]
    at: Mapped[datetime]


class Product(Base):
    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    variants: Mapped[list[Variant]] = relationship(order_by="Variant.id")


class Variant(Base):
    __tablename__ = "variant"

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("product.id"), index=True)
    colour: Mapped[str]
    price: Mapped[int]
    left: Mapped[int]


class Sessions(BaseMiddleware):
    """Gives each handler a session and the user, made at his first word."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        async with self._sessions() as session:
            data["session"] = session
            data["user"] = await _user(session, data["event_from_user"])
            result = await handler(event, data)
            await session.commit()
            return result


async def _user(session: AsyncSession, seen: Any) -> User:
    user = await session.scalar(sa.select(User).where(User.telegram_id == seen.id))
    if user is None:
        user = User(telegram_id=seen.id)
        session.add(user)
    user.name, user.username, user.seen_at = seen.full_name, seen.username, datetime.now(UTC)
    await session.commit()
    return user


router = Router()


@router.message(CommandStart())
async def start(message: Message, session: AsyncSession, user: User) -> None:
    await _answer(message, session, user, words.GREETING.format(name=user.name))


@router.message(F.text.lower() == "помощь")
async def help_out(message: Message, session: AsyncSession, user: User) -> None:
    await _answer(message, session, user, words.HELP)


@router.message(F.text.lower() == "вопрос")
async def question(message: Message, session: AsyncSession, user: User) -> None:
    await _answer(message, session, user, words.QUESTION)


@router.message(F.text)
async def catalog(message: Message) -> None:
    await message.answer(words.card(0), reply_markup=inline(0))


@router.callback_query(F.data.startswith("look:"))
async def look(query: CallbackQuery, session: AsyncSession) -> None:
    product = await session.get(Product, 1, options=[selectinload(Product.variants)])
    at = int((query.data or "").partition(":")[2])
    if product is not None and product.variants[at].left and isinstance(query.message, Message):
        await query.message.edit_text(words.card(at), reply_markup=inline(at))
    await query.answer()


async def _answer(message: Message, session: AsyncSession, user: User, text: str) -> None:
    said = Line(
        user_id=user.id, telegram_id=message.message_id, from_bot=False, text=message.text or "", at=datetime.now(UTC)
    )
    session.add(said)
    await session.commit()
    sent = await message.answer(text, reply_markup=MENU)
    session.add(Line(user_id=user.id, telegram_id=sent.message_id, from_bot=True, text=text, at=datetime.now(UTC)))
    await session.commit()


async def fill(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        colours = [Variant(colour=colour, price=90000, left=100) for colour in words.VARIANTS]
        session.add(Product(id=1, name="Кружка «Туман»", variants=colours))
        await session.commit()
    await engine.dispose()


def main() -> None:
    told = words.arguments()
    asyncio.run(fill(told.database))
    sessions = async_sessionmaker(create_async_engine(told.database, pool_size=20), expire_on_commit=False)
    dispatcher = Dispatcher()
    dispatcher.message.middleware(Sessions(sessions))
    dispatcher.callback_query.middleware(Sessions(sessions))
    dispatcher.include_router(router)
    serve(dispatcher, port=told.port, api=told.api, token=told.token, secret=told.secret)


if __name__ == "__main__":
    main()
