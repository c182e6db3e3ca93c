"""What lies in the window, and the words around it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing in the window. `drawing` names a shape of the page, the colours are its glaze and its shadow."""

    name: str
    about: str
    price: str
    drawing: str
    colour: str
    wall: str


RUSSIAN = {
    "shop": "Глина и лён",
    "title": "Глина и лён — керамика и домашний текстиль",
    "menu": ("Посуда", "Текстиль", "Подарки", "Мастерская"),
    "other_language": "English",
    "heading": "Вещи, которые приятно брать в руки",
    "lead": "Лепим, обжигаем и шьём в мастерской на Лесной. Каждая кружка немного другая, "
    "каждая скатерть мягче с каждой стиркой.",
    "to_goods": "Смотреть посуду",
    "ask": "Спросить мастера",
    "ask_draft": "Здравствуйте! Подскажите, пожалуйста, ",
    "window": "Сейчас на полке",
    "ask_piece": "Спросить",
    "ask_piece_draft": "Здравствуйте! Есть ли в наличии {name}?",
    "care": "Как это устроено",
    "cares": (
        ("Заказ в чате", "Напишите в чат в углу страницы: там каталог, корзина, оплата и ответ живого человека."),
        ("Доставка", "Самовывоз на Лесной, 12, пункт выдачи или курьер. От 7 000 ₽ курьер бесплатно."),
        ("Бьётся, но не в пути", "Заворачиваем в три слоя. Если разбилось по дороге, пришлём новое."),
    ),
    "foot": "Лесная, 12 · каждый день с 10 до 20",
}

ENGLISH = {
    "shop": "Clay & Linen",
    "title": "Clay & Linen: ceramics and home textiles",
    "menu": ("Tableware", "Textiles", "Gifts", "Workshop"),
    "other_language": "По-русски",
    "heading": "Things that are good to hold",
    "lead": "We throw, fire and sew in a workshop on Lesnaya Street. Every mug is a little different, "
    "every tablecloth softer with each wash.",
    "to_goods": "See the tableware",
    "ask": "Ask the maker",
    "ask_draft": "Hello! Could you tell me ",
    "window": "On the shelf now",
    "ask_piece": "Ask",
    "ask_piece_draft": "Hello! Do you have {name} in stock?",
    "care": "How it works",
    "cares": (
        (
            "Order in the chat",
            "Write to the chat in the corner: the catalogue, the cart, the payment and a person who answers.",
        ),
        ("Delivery", "Pick up at 12 Lesnaya Street, a pickup point or a courier, free from 7,000 ₽."),
        ("Breakable, not on the way", "Wrapped in three layers. If it breaks on the road, we send a new one."),
    ),
    "foot": "12 Lesnaya Street · every day from 10 to 20",
}

TEXTS = {"ru": RUSSIAN, "en": ENGLISH}

WINDOW = {
    "ru": (
        Piece("Кружка «Туман»", "матовая глазурь, 300 мл", "1 450 ₽", "mug", "#8fa3a8", "#dfe5e4"),
        Piece("Тарелка «Берег»", "ручная роспись, 26 см", "1 850 ₽", "plate", "#d9c6a5", "#f1e8d8"),
        Piece("Чайник «Вечер»", "тёмная глина, 800 мл", "4 900 ₽", "teapot", "#5a5560", "#e6dfe2"),
        Piece("Ваза «Утро»", "для веток и трав", "4 050 ₽", "vase", "#c98f73", "#f4e3d9"),
        Piece("Кружка «Крапина»", "светлая глина, 330 мл", "1 350 ₽", "mug", "#cbb79c", "#efe6da"),
        Piece("Полотенце вафельное", "умягчённый лён, 45×70", "790 ₽", "towel", "#9aa88c", "#e6eadf"),
        Piece("Ваза «Стебель»", "на один цветок", "1 450 ₽", "vase", "#7f8f7a", "#e5e9e0"),
        Piece("Доска «Хлеб»", "дуб, масло и воск", "2 900 ₽", "board", "#b98a5a", "#f0e2d0"),
    ),
    "en": (
        Piece("Mug “Mist”", "matt glaze, 300 ml", "1 450 ₽", "mug", "#8fa3a8", "#dfe5e4"),
        Piece("Plate “Shore”", "painted by hand, 26 cm", "1 850 ₽", "plate", "#d9c6a5", "#f1e8d8"),
        Piece("Teapot “Evening”", "dark clay, 800 ml", "4 900 ₽", "teapot", "#5a5560", "#e6dfe2"),
        Piece("Vase “Morning”", "for branches and herbs", "4 050 ₽", "vase", "#c98f73", "#f4e3d9"),
        Piece("Mug “Speckle”", "light clay, 330 ml", "1 350 ₽", "mug", "#cbb79c", "#efe6da"),
        Piece("Waffle towel", "washed linen, 45×70", "790 ₽", "towel", "#9aa88c", "#e6eadf"),
        Piece("Bud vase “Stem”", "for a single flower", "1 450 ₽", "vase", "#7f8f7a", "#e5e9e0"),
        Piece("Board “Bread”", "oak, oil and wax", "2 900 ₽", "board", "#b98a5a", "#f0e2d0"),
    ),
}
