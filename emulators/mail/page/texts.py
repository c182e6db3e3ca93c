"""The page's own words."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, Mapping[str, str]] = {
    "ru": {
        "title": "Почта",
        "people": "Чья почта",
        "letters": "Письма",
        "write": "Написать магазину",
        "to": "Кому",
        "from": "От кого",
        "subject": "Тема",
        "text": "Текст письма",
        "send": "Отправить",
        "answer": "Ответить",
        "answer_hint": "Номер из письма или несколько слов",
        "attach": "Вложения",
        "nothing": "Писем пока нет. Напишите магазину первым.",
        "choose": "Выберите письмо слева.",
        "no_subject": "(без темы)",
        "me": "я",
        "demo": "Почтовая программа покупателя на нашем двойнике почтового сервера. Наружу ничего не уходит.",
        "back": "К письмам",
    },
    "en": {
        "title": "Mail",
        "people": "Whose mail",
        "letters": "Letters",
        "write": "Write to the shop",
        "to": "To",
        "from": "From",
        "subject": "Subject",
        "text": "The letter",
        "send": "Send",
        "answer": "Answer",
        "answer_hint": "A number from the letter, or a few words",
        "attach": "Attachments",
        "nothing": "No letters yet. Write to the shop first.",
        "choose": "Choose a letter on the left.",
        "no_subject": "(no subject)",
        "me": "me",
        "demo": "A buyer's mail program on our stand-in of a mail server. Nothing goes out.",
        "back": "To the letters",
    },
}
