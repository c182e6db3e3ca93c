"""The people, stages, pictures and prices that the samples share."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kit.money import Money

Shape = dict[str, Any]
"""What a template macro takes; the macro files name the keys."""

_MUG = "M18 22h44v42a12 12 0 01-12 12H30a12 12 0 01-12-12zM62 32h8a13 13 0 010 26h-8v-7h7a6 6 0 000-12h-7z"
_BOWL = "M10 36h76c0 26-16 42-28 44H38C26 78 10 62 10 36z"
_PAIR = "M6 42h38c0 16-8 24-14 25H20C14 66 6 58 6 42zM52 42h38c0 16-8 24-14 25H66c-6-1-14-9-14-25z"


def _picture(shape: str, light: str, deep: str) -> str:
    shade = f'<stop stop-color="{light}"/><stop offset="1" stop-color="{deep}"/>'
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 192 164">'
        f'<radialGradient id="g" cx=".3" cy=".2" r="1">{shade}</radialGradient>'
        '<rect width="192" height="164" fill="url(#g)"/>'
        f'<path transform="translate(48 34)" d="{shape}" fill="#fff" opacity=".9"/></svg>'
    )
    return "data:image/svg+xml," + quote(drawing)


MIST = _picture(_MUG, "#dfe6e4", "#5c7a7c")
AUTUMN = _picture(_MUG, "#f3d9c2", "#a2603a")
SAND = _picture(_BOWL, "#e9dccd", "#8c6a50")
LILAC = _picture(_PAIR, "#e4dae8", "#755a82")


def person(name: str, initials: str, tone: int, **more: object) -> Shape:
    return {"name": name, "initials": initials, "tone": tone, **more}


ANNA = person("Анна Ветрова", "АВ", 1)
MARINA = person("Марина Ким", "МК", 4, id=2, short_name="Марина", duty="на смене", role="operator")
ILYA = person("Илья Дорохов", "ИД", 3, id=1)

NEW = {"id": 1, "code": "new", "name": "Новый", "colour": "new"}
WAITING = {"id": 2, "code": "awaiting_payment", "name": "Ждёт оплаты", "colour": "wait"}
PAID = {"id": 3, "code": "paid", "name": "Оплачен", "colour": "paid"}
ASSEMBLING = {"id": 4, "code": "assembling", "name": "Сборка", "colour": "pack"}
SHIPPED = {"id": 5, "code": "shipped", "name": "В пути", "colour": "ship"}
DELIVERED = {"id": 6, "code": "delivered", "name": "Получен", "colour": "done"}
CANCELLED = {"id": 7, "code": "cancelled", "name": "Отменён", "colour": "cancelled"}
STAGES = (NEW, WAITING, PAID, ASSEMBLING, SHIPPED, DELIVERED, CANCELLED)


def rub(whole: int) -> Money:
    return Money(whole * 100)
