"""What the bots say: as long as what the shop says, with the same buttons."""

from __future__ import annotations

import argparse

MENU = (("Каталог", "Корзина"), ("Мои заказы", "Вопрос оператору"))

GREETING = "Здравствуйте, {name}! Это «Глина и лён».\nЗаходите в каталог или просто напишите, что ищете."

HELP = (
    "Как заказать\n1. Выберите товар в каталоге или напишите его название.\n2. Положите его в корзину и оформите заказ."
    "\n3. Оплатите по ссылке или при получении.\n\nЕсли нужен человек, просто напишите: вам ответит оператор."
)

QUESTION = "Напишите вопрос, оператор ответит прямо здесь."

REPLIES = {"помощь": HELP, "вопрос": QUESTION, "/start": GREETING}

VARIANTS = ("белый", "синий")


def card(variant: int) -> str:
    """A product card of one variant."""
    return f"Кружка «Туман»\n\nРучная работа.\n\nЦвет: {VARIANTS[variant]}\nАртикул: КР-0-{variant}\n900 ₽ · в наличии"


def card_buttons(variant: int) -> list[list[tuple[str, str]]]:
    """Rows of (label, name) under the card."""
    choices = [(f"✓ {word}" if n == variant else word, f"look:{n}") for n, word in enumerate(VARIANTS)]
    return [choices, [("В корзину", f"add:{variant}")], [("Назад", "back")]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True, help="where Telegram is")
    parser.add_argument("--token", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--database", default="", help="SQLAlchemy address")
    return parser.parse_args()
