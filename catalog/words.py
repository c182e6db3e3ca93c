"""Words as the search sees them: cut, folded and stemmed in the same way for goods and for questions."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import snowballstemmer
from rapidfuzz import process
from rapidfuzz.distance import OSA

_WORD = re.compile(r"[^\W_]+")
_CYRILLIC = re.compile(r"[а-я]+")
_LATIN = re.compile(r"[a-z]+")

_FILLERS = frozenset("и в во на с со к из от до для по о а или the a an of for with and in on to".split())  # noqa: SIM905
"""Words that say nothing about goods."""

LONGEST = 60
"""Letters of a word that count."""

_stemmers = {"ru": snowballstemmer.stemmer("russian"), "en": snowballstemmer.stemmer("english")}
_one_at_a_time = threading.Lock()
"""A stemmer keeps the word that it works on in itself."""

_LATIN_KEYS = "`qwertyuiop[]asdfghjkl;'zxcvbnm,."
_RUSSIAN_KEYS = "ёйцукенгшщзхъфывапролджэячсмитьбю"
_OTHER_LAYOUT = str.maketrans(_LATIN_KEYS + _RUSSIAN_KEYS, _RUSSIAN_KEYS + _LATIN_KEYS)


def words(text: str) -> list[str]:
    """The words of the text, folded: lower case, ё as е, accents and dashes gone."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    return [word[:LONGEST] for word in _WORD.findall(folded)]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """What the forms of a folded word have in common: "кружки" and "кружку" are "кружк"."""
    language = "ru" if _CYRILLIC.fullmatch(word) else "en" if _LATIN.fullmatch(word) else None
    if language is None:
        return word
    with _one_at_a_time:
        return str(_stemmers[language].stemWord(word))


def stems(text: str) -> list[str]:
    return [stem(word) for word in words(text)]


def code(text: str) -> list[str]:
    """A SKU or barcode: its parts, and the whole without dashes for one who types it so."""
    parts = words(text)
    return [stem(part) for part in [*parts, "".join(parts)]] if len(parts) > 1 else [stem(part) for part in parts]


def asked(text: str, most: int = 8) -> list[str]:
    """The words of a question that are worth looking for, not stemmed; all of them if there are only fillers."""
    said = words(text[:200])
    return ([word for word in said if word not in _FILLERS] or said)[:most]


def in_other_layout(text: str) -> str:
    """What was meant by one who forgot to switch the keyboard: "rhe;rf" is "кружка"."""
    return text.casefold().translate(_OTHER_LAYOUT)


def has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def slips(word: str) -> int:
    """How many letters may be wrong in a word for it to be still recognised. Numbers must be right."""
    if has_digit(word) or len(word) < 4:
        return 0
    return 1 if len(word) < 6 else 2


def alike(word: str, known: Sequence[str], most: int = 4) -> list[str]:
    """The known words that `word` may be a slip of, the likeliest first; a swap of neighbours is one slip."""
    allowed = slips(word)
    if not allowed:
        return []
    found = process.extract(word, known, scorer=OSA.distance, score_cutoff=allowed, limit=most * 4)
    return [
        candidate for candidate, _, _ in sorted(found, key=lambda hit: (hit[1], hit[0][:1] != word[:1], hit[0]))[:most]
    ]
