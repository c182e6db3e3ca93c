"""Texts: every key in both languages, a text for every failure, and owners' words that can do no harm."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from company.texts import LOCALES, Texts
from kit.errors import Missing, Refused
from kit.money import Money

ROOT = Path(__file__).parents[2]
APART = ("tests", "benchmarks", "emulators")
PACKAGES = [path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in APART]


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts()


def problem_codes() -> dict[str, str]:
    """Every kind of Problem in the product with its own code, read from the source: importing all of it is slow.

    "" where there is none; a narrower kind may go by the code of the one that it narrows, and is left out then.
    """
    bases: dict[str, list[str]] = {}
    codes: dict[str, str] = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    bases[node.name] = [ast.unparse(base).split(".")[-1] for base in node.bases]
                    for line in node.body:
                        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code":
                            codes[node.name] = ast.literal_eval(line.value)

    def kinds(name: str) -> set[str]:
        return {name}.union(*(kinds(base) for base in bases.get(name, ())))

    def borrows(name: str) -> bool:
        wider = kinds(name) - {name}
        if name in codes:
            return codes[name] in {codes.get(kind) for kind in wider}
        return bool((wider - {"Problem", "Refused", "Missing"}) & codes.keys())

    return {name: codes.get(name, "") for name in bases if "Problem" in kinds(name) and not borrows(name)}


def placeholders(forms: tuple[str, ...]) -> set[str]:
    return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}


def test_every_failure_has_a_code_of_its_own_and_a_text(texts: Texts) -> None:
    codes = problem_codes()
    assert len(codes) > 20
    assert {name for name, code in codes.items() if not code} == set()
    assert {code for code, count in Counter(codes.values()).items() if count > 1} == set()
    written = texts.keys("ru")
    assert {f"errors.{code}" for code in codes.values()} - set(written) == set()


def test_every_key_is_written_in_every_language_with_the_same_placeholders(texts: Texts) -> None:
    ru, en = texts.keys("ru"), texts.keys("en")
    assert set(ru) ^ set(en) == set()
    assert {key: placeholders(ru[key]) for key in ru} == {key: placeholders(en[key]) for key in en}


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_is_empty(texts: Texts, locale: str) -> None:
    assert [key for key, forms in texts.keys(locale).items() if not all(forms)] == []


def test_a_failure_is_told_in_the_readers_language(texts: Texts) -> None:
    failure = Refused()
    failure.code = "bad_amount"
    failure.facts = {"text": "сто"}
    assert texts.problem(failure, "ru").startswith("«сто» — не сумма")
    assert texts.problem(failure, "en-GB").startswith("“сто” is not an amount")


def test_a_failure_without_a_text_is_told_in_general_words(texts: Texts) -> None:
    failure = Missing()
    failure.code = "nobody_wrote_this"
    assert texts.problem(failure, "en") == "That did not work. Please try again."


def test_a_reader_of_an_unknown_language_gets_russian(texts: Texts) -> None:
    assert texts.say("errors.missing", "kk") == texts.say("errors.missing", "ru")


def test_owners_words_replace_ours_in_their_language_only(texts: Texts) -> None:
    own = {"ru": {"errors.missing": "{who}, увы."}}
    assert texts.say("errors.missing", "ru", own, who="Анна") == "Анна, увы."
    assert texts.say("errors.missing", "en", own) == texts.say("errors.missing", "en")


@pytest.mark.parametrize("trick", ["{who.__class__}", "{who!r}", "{0}", "{}", "{{who}", "%(who)s", "{unknown}"])
def test_a_placeholder_reaches_nothing_but_its_fact(texts: Texts, trick: str) -> None:
    said = texts.say("errors.missing", "ru", {"ru": {"errors.missing": trick}}, who="Анна")
    assert said == trick.replace("{who}", "Анна")


def test_a_fact_is_not_filled_in_a_second_time(texts: Texts) -> None:
    said = texts.say("errors.missing", "ru", {"ru": {"errors.missing": "{name}"}}, name="{secret}", secret="ключ")
    assert said == "{secret}"


def test_money_is_written_as_the_language_writes_it(texts: Texts) -> None:
    own = {"ru": {"errors.missing": "{sum}"}, "en": {"errors.missing": "{sum}"}}
    assert texts.say("errors.missing", "ru", own, sum=Money(145000)) == "1\xa0450\xa0₽"
    assert texts.say("errors.missing", "en", own, sum=Money(145000, "USD")) == "$1,450"


@pytest.mark.parametrize(
    ("n", "said"), [(1, "1 вещь"), (2, "2 вещи"), (5, "5 вещей"), (11, "11 вещей"), (21, "21 вещь"), (0, "0 вещей")]
)
def test_plural_forms_are_russian(tmp_path: Path, n: int, said: str) -> None:
    head = (
        'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : '
        'n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"\n\n'
    )
    forms = ["{n} вещь", "{n} вещи", "{n} вещей"]
    body = 'msgid "things"\nmsgid_plural "things"\n' + "".join(f'msgstr[{i}] "{f}"\n' for i, f in enumerate(forms))
    (tmp_path / "ru.po").write_text(head + body, "utf-8")
    assert Texts(tmp_path).plural("things", n, "ru") == said


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    for name in ("ru.po", "ru.more.po"):
        (tmp_path / name).write_text('msgid ""\nmsgstr ""\n\nmsgid "a"\nmsgstr "б"\n', "utf-8")
    with pytest.raises(ValueError, match=r"ru\.\w*\.?po: a is there already"):
        Texts(tmp_path)
