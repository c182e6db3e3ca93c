"""What the documents say is there, is there: files, words of make, screenshots, channels, providers, promises."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from bot.channels import CHANNELS
from inbox import cards
from inbox.channels import CAPABILITIES
from payments.providers import PROVIDERS

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.ru.md")
DOCUMENTS = (
    *READMES,
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
)

LARGEST_SCREENSHOT = 300_000
"""Bytes: a README must open on a slow line."""

_FENCE = re.compile(r"^\s*```\w*\n(.*?)^\s*```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_QUOTED = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")
_MAKE = re.compile(r"\bmake ([a-z]+(?:-[a-z]+)*)\b")


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def commands_in(document: str) -> list[str]:
    """What stands in code, fenced or not, without its comments: those are translated."""
    text = text_of(document)
    fenced = [line.split(" #")[0].strip() for block in _FENCE.findall(text) for line in block.splitlines()]
    return fenced + _QUOTED.findall(_FENCE.sub("", text))


def make_words() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.MULTILINE))


def made_by_itself() -> set[str]:
    """Folders and files that a working copy gets and git ignores."""
    return {line.strip("/") for line in text_of(".gitignore").splitlines()}


def is_path(quoted: str) -> bool:
    """Whether it names a file or a folder of this repository: `bot/web.py`, `docs/`, `config.example.toml`."""
    if not _PATH.fullmatch(quoted):
        return False
    if "/" not in quoted:
        return Path(quoted).suffix in {".md", ".toml"}
    return (ROOT / quoted.split("/")[0]).is_dir()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file(document: str) -> None:
    here = (ROOT / document).parent
    targets = [link.split("#")[0] for link in _LINK.findall(_FENCE.sub("", text_of(document)))]
    near = [target for target in targets if target and "://" not in target]
    assert [target for target in near if not (here / unquote(target)).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_heading_that_is_linked_exists(document: str) -> None:
    here = (ROOT / document).parent
    for link in _LINK.findall(text_of(document)):
        file, _, heading = link.partition("#")
        if heading and "://" not in link:
            target = (here / file).read_text(encoding="utf-8") if file else text_of(document)
            titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", target), re.MULTILINE)
            assert heading in {title.lower().replace(" ", "-") for title in titles}, f"{document}: {link}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_is_named_exists(document: str) -> None:
    named = {quoted.split(":")[0] for quoted in _QUOTED.findall(_FENCE.sub("", text_of(document)))}
    paths = {path for path in named if is_path(path) and path.strip("/") not in made_by_itself()}
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_word_of_make_is_in_the_makefile(document: str) -> None:
    said = {word for command in commands_in(document) for word in _MAKE.findall(command)}
    assert said - make_words() == set()


@pytest.mark.parametrize("document", READMES)
def test_the_map_names_every_package(document: str) -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    drawn = set(re.findall(r"^(\w+)/ +\S", text_of(document), re.MULTILINE))
    assert packages <= drawn
    assert {folder for folder in drawn if not (ROOT / folder).is_dir()} == set()


@pytest.mark.parametrize("document", READMES)
def test_every_channel_and_provider_is_named(document: str) -> None:
    named = set(_QUOTED.findall(text_of(document)))
    assert set(CHANNELS) | set(PROVIDERS) <= named


def test_the_cards_of_the_channels_are_shown_as_they_are() -> None:
    """To print them anew: python -c "from inbox import cards, channels; print(cards.table(channels.CAPABILITIES))"."""
    assert cards.table(CAPABILITIES) in text_of("docs/channels.md")


@pytest.mark.parametrize("document", READMES)
def test_every_promise_is_shown_by_tests_that_exist(document: str) -> None:
    rows = [line for line in text_of(document).splitlines() if line.startswith("|") and "`tests/" in line]
    assert len(rows) >= 9
    for row in rows:
        for path in _QUOTED.findall(row.split("|")[2]):
            assert "def test_" in text_of(path), path


def test_both_readmes_are_built_alike() -> None:
    english, russian = (re.findall(r"^(#+) ", _FENCE.sub("", text_of(readme)), re.MULTILINE) for readme in READMES)
    assert english == russian


def test_both_readmes_give_the_same_commands_settings_and_paths() -> None:
    english, russian = (_words_of_code(readme) for readme in READMES)
    # An example's name of a person, and the name of a variable, are in the reader's own language.
    assert english ^ russian == {"Your", "Name", "{env=NAME}", "account"}


def test_both_readmes_show_the_same_pictures() -> None:
    english, russian = (re.findall(r"!\[[^]]+]\(([^)]+)\)", text_of(readme)) for readme in READMES)
    assert english == russian
    assert english


def test_screenshots_are_small_and_none_lies_unused() -> None:
    told = "".join(text_of(document) for document in DOCUMENTS)
    pictures = sorted((ROOT / "docs" / "screenshots").glob("*"))
    assert pictures
    for picture in pictures:
        assert picture.name in told
        assert picture.stat().st_size < LARGEST_SCREENSHOT


def test_the_demo_opens_the_ports_that_the_readmes_tell() -> None:
    first = re.search(r'help="The hub\'s port[^)]*\)\] = (\d+)', text_of("prilavok/cli.py"))
    assert first is not None
    hub = int(first[1])
    for readme in READMES:
        assert {str(port) for port in (hub, hub + 1, hub + 3)} <= set(re.findall(r"\b\d{4}\b", text_of(readme)))


def _words_of_code(document: str) -> set[str]:
    """Words in Latin letters of the commands, the settings and the names in backquotes, comments apart."""
    text = text_of(document)
    blocks = re.findall(r"^\s*```[a-z]+\n(.*?)^\s*```$", text, re.MULTILINE | re.DOTALL)
    lines = [line.split(" #")[0] for block in blocks for line in block.splitlines()]
    lines += _QUOTED.findall(_FENCE.sub("", text))
    return {word for line in lines for word in re.split(r"[\s\"'<>;,]+", line) if word and word.isascii()}
