"""Search over the catalogue: first letters, any form of a word, SKU, barcode, slips of the finger, wrong keyboard.

Goods and questions pass through the same stemming (`catalog.words`), and the stems go to the full-text index of the
database: FTS5 on SQLite, tsvector on PostgreSQL. Each stem is also kept in a plain vocabulary; a word that is not in
it is a beginning of words that are, or a slip, and is repaired against it rather than against every name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import words
from catalog.goods import WHOLE
from catalog.tables import Category, Product, Variant
from storage.schema import Base

SEARCH_DDL: dict[str, list[str]] = {
    "sqlite": [
        "CREATE VIRTUAL TABLE IF NOT EXISTS search_product USING fts5"
        "(title, body, tokenize = 'unicode61 remove_diacritics 0')",
        "CREATE TABLE IF NOT EXISTS search_word"
        " (shop_id INTEGER NOT NULL, word TEXT NOT NULL, PRIMARY KEY (shop_id, word)) WITHOUT ROWID",
    ],
    "postgresql": [
        "CREATE TABLE IF NOT EXISTS search_product"
        " (product_id BIGINT PRIMARY KEY, shop_id BIGINT NOT NULL, document TSVECTOR NOT NULL)",
        "CREATE INDEX IF NOT EXISTS ix_search_product_document ON search_product USING gin (document)",
        "CREATE TABLE IF NOT EXISTS search_word"
        ' (shop_id BIGINT NOT NULL, word TEXT COLLATE "C" NOT NULL, PRIMARY KEY (shop_id, word))',
    ],
}
"""The tables of the search, by SQL dialect. Migrations run it; so does Base.metadata.create_all."""

for _dialect, _statements in SEARCH_DDL.items():
    for _statement in _statements:
        _ddl = sa.DDL(_statement)  # type: ignore[no-untyped-call]
        sa.event.listen(Base.metadata, "after_create", _ddl.execute_if(dialect=_dialect))

BEYOND = "\U0010ffff"
"""Sorts after every continuation of a word."""


MOST_LIKES = 60
"""How many words an unfinished one may stand for."""


# Keeping the index


def index(session: Session, product: Product) -> None:
    """Make the product findable by what it is now; an archived one is found no more. Variants must be loaded."""
    title, body = _described(session, product) if product.active else ([], [])
    _PUT[session.get_bind().dialect.name](session, product, title, body)
    if known := sorted({*title, *body}):
        session.execute(
            sa.text("INSERT INTO search_word (shop_id, word) VALUES (:shop_id, :word) ON CONFLICT DO NOTHING"),
            [{"shop_id": product.shop_id, "word": word} for word in known],
        )


def index_all(session: Session, shop_id: int) -> None:
    """Make the shop's index anew, and forget words that no product has any more."""
    session.execute(sa.text("DELETE FROM search_word WHERE shop_id = :shop_id"), {"shop_id": shop_id})
    _vocabularies.get(session.get_bind().engine, {}).pop(shop_id, None)
    for product in session.scalars(sa.select(Product).where(Product.shop_id == shop_id).options(*WHOLE)):
        index(session, product)


def _described(session: Session, product: Product) -> tuple[list[str], list[str]]:
    """Stems of what the product is called, in every language, and of what is said of it."""
    names = _in_every_language(product, "name")
    about = _in_every_language(product, "description")
    if product.category_id is not None:
        about += _in_every_language(session.get_one(Category, product.category_id), "name")
    codes: list[str] = []
    for variant in product.variants:
        if variant.active:
            names += [str(value) for pairs in _in_every_language(variant, "attributes") for _, value in pairs]
            codes += [*words.code(variant.sku), *words.code(variant.barcode or "")]
    title = dict.fromkeys([*words.stems(" ".join(names)), *codes])
    body = dict.fromkeys(words.stems(" ".join(about)))
    return list(title), [word for word in body if word not in title]


def _in_every_language(row: Product | Category | Variant, field: str) -> list[Any]:
    translated = (texts.get(field) for texts in row.translations.values())
    return [said for said in (getattr(row, field), *translated) if said]


def _put_sqlite(session: Session, product: Product, title: list[str], body: list[str]) -> None:
    session.execute(sa.text("DELETE FROM search_product WHERE rowid = :id"), {"id": product.id})
    if title:
        session.execute(
            sa.text("INSERT INTO search_product (rowid, title, body) VALUES (:id, :title, :body)"),
            {"id": product.id, "title": " ".join(title), "body": " ".join(body)},
        )


def _put_postgres(session: Session, product: Product, title: list[str], body: list[str]) -> None:
    session.execute(sa.text("DELETE FROM search_product WHERE product_id = :id"), {"id": product.id})
    if title:
        weighed = [(word, "A") for word in title] + [(word, "D") for word in body]
        document = " ".join(f"'{word}':{place}{weight}" for place, (word, weight) in enumerate(weighed, 1))
        session.execute(
            sa.text("INSERT INTO search_product VALUES (:id, :shop_id, CAST(:document AS tsvector))"),
            {"id": product.id, "shop_id": product.shop_id, "document": document},
        )


_PUT = {"sqlite": _put_sqlite, "postgresql": _put_postgres}


# Asking


def find(session: Session, shop_id: int, text: str, *, limit: int = 20) -> list[Product]:
    """Products on sale that every word of the text fits, the best first, with variants and photos.

    The last word may be unfinished. When nothing fits, the text is read as typed with the other keyboard layout, and
    then slips of the finger are repaired.
    """
    readings = [words.asked(text), words.asked(words.in_other_layout(text))]
    for repair in (False, True):
        for asked in readings:
            terms = [
                _meant(session, shop_id, word, last=n == len(asked), repair=repair) for n, word in enumerate(asked, 1)
            ]
            if terms and all(terms) and (ids := _ids(session, shop_id, terms, limit)):
                return _products(session, ids)
    return []


def _meant(session: Session, shop_id: int, word: str, *, last: bool, repair: bool) -> list[str]:
    """Known stems that the word may stand for: its own, those that it begins if last or unknown, and its likes."""
    stem = words.stem(word)
    longer = session.scalars(
        sa.text(
            "SELECT word FROM search_word WHERE shop_id = :shop_id AND word >= :low AND word < :high"
            " ORDER BY length(word), word LIMIT :most"
        ),
        {"shop_id": shop_id, "low": stem, "high": stem + BEYOND, "most": MOST_LIKES},
    ).all()
    known = stem in longer
    meant = list(longer) if last or not known else [stem]
    if repair:
        meant += _alike(session, shop_id, stem)
    return list(dict.fromkeys(meant))


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """A shop's words without numbers, by length. It only grows, so it is as good as new while its size is the same."""

    size: int
    words: dict[int, list[str]]


_vocabularies: WeakKeyDictionary[sa.Engine, dict[int, _Vocabulary]] = WeakKeyDictionary()
"""Read again when the size differs; a stale one would cost no more than an unrepaired slip."""


def _alike(session: Session, shop_id: int, stem: str) -> list[str]:
    """Known words that the stem may be a slip of."""
    slips = words.slips(stem)
    if not slips:
        return []
    known = _vocabulary(session, shop_id).words
    near = [word for length in range(len(stem) - slips, len(stem) + slips + 1) for word in known.get(length, ())]
    return words.alike(stem, near)


def _vocabulary(session: Session, shop_id: int) -> _Vocabulary:
    shop = {"shop_id": shop_id}
    size = session.execute(sa.text("SELECT count(*) FROM search_word WHERE shop_id = :shop_id"), shop).scalar_one()
    kept = _vocabularies.setdefault(session.get_bind().engine, {})
    known = kept.get(shop_id)
    if known is None or known.size != size:
        by_length: dict[int, list[str]] = {}
        for word in session.scalars(sa.text("SELECT word FROM search_word WHERE shop_id = :shop_id"), shop):
            if not words.has_digit(word):
                by_length.setdefault(len(word), []).append(word)
        known = kept[shop_id] = _Vocabulary(size, by_length)
    return known


_FIND = {
    "sqlite": sa.text(
        "SELECT product.id FROM search_product JOIN product ON product.id = search_product.rowid"
        " WHERE search_product MATCH :question AND product.shop_id = :shop_id"
        " ORDER BY bm25(search_product, 10.0, 1.0), product.position, product.id LIMIT :limit"
    ),
    "postgresql": sa.text(
        "SELECT product.id FROM search_product JOIN product ON product.id = search_product.product_id"
        " WHERE search_product.document @@ CAST(:question AS tsquery) AND search_product.shop_id = :shop_id"
        " ORDER BY ts_rank(search_product.document, CAST(:question AS tsquery)) DESC, product.position, product.id"
        " LIMIT :limit"
    ),
}


def _ids(session: Session, shop_id: int, terms: list[list[str]], limit: int) -> list[int]:
    dialect = session.get_bind().dialect.name
    quote, either, both = ('"', " OR ", " AND ") if dialect == "sqlite" else ("'", " | ", " & ")
    question = both.join("(" + either.join(f"{quote}{word}{quote}" for word in term) + ")" for term in terms)
    return list(session.scalars(_FIND[dialect], {"question": question, "shop_id": shop_id, "limit": limit}))


def _products(session: Session, ids: list[int]) -> list[Product]:
    """The products in this order."""
    found = {row.id: row for row in session.scalars(sa.select(Product).where(Product.id.in_(ids)).options(*WHOLE))}
    return [found[product_id] for product_id in ids if product_id in found]
