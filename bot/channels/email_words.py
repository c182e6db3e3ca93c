"""The few words that a letter of the shop has of its own. What the bot says comes from the shop's texts."""

from __future__ import annotations

from collections.abc import Mapping

_RUSSIAN = {
    "choose": "Чтобы выбрать, ответьте на это письмо одним номером.",
    "choose_or_press": "Чтобы выбрать, нажмите нужную строку или ответьте на это письмо одним номером.",
    "menu": "Можно ответить и словом: {words}.",
    "press_title": "Ваш выбор",
    "press_asks": "Отправить магазину ваш выбор?",
    "press_button": "Отправить",
    "pressed": "Готово. Ответ придёт письмом.",
    "press_old": "Эта ссылка больше не действует. Ответьте на последнее письмо магазина.",
    "press_failed": "Сейчас не получилось. Попробуйте ещё раз через минуту.",
}

_ENGLISH = {
    "choose": "To choose, answer this letter with one number.",
    "choose_or_press": "To choose, press a line or answer this letter with its number.",
    "menu": "You can also answer with a word: {words}.",
    "press_title": "Your choice",
    "press_asks": "Send your choice to the shop?",
    "press_button": "Send",
    "pressed": "Done. The answer will come by e-mail.",
    "press_old": "This link is no longer valid. Please answer the shop's latest letter.",
    "press_failed": "That did not work. Please try again in a minute.",
}

WORDS: Mapping[str, Mapping[str, str]] = {"ru": _RUSSIAN, "en": _ENGLISH}


def of(locale: str) -> Mapping[str, str]:
    return WORDS.get(locale, _RUSSIAN)
