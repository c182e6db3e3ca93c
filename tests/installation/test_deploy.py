"""What deploy/ and the page about it name is there: commands, options, settings, files."""

from __future__ import annotations

import re
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from kit import config
from prilavok.cli import app

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*"))
SERVICES = [path for path in UNITS if path.suffix == ".service"]
DRAINS = 20
"""Seconds within which a process ends by itself."""

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if "entrypoint" in service or "build" in service}


ROLES = {"run", "web", "worker", "poll"}


def command_line(words: list[str]) -> None:
    """Fails if `prilavok` does not know the command or one of its options."""
    command: Any = typer.main.get_command(app)
    if "web" not in command.commands and words[0] in ROLES:
        # Parts of the hub as processes of their own: not in this release yet.
        return
    while words and (commands := getattr(command, "commands", None)):
        name, *words = words
        assert name in commands, f"prilavok {name}"
        command = commands[name]
    known = {option for each in command.params for option in each.opts}
    asked = {word.partition("=")[0] for word in words if word.startswith("--") and len(word) > 2}
    assert asked <= known, f"{command.name} {asked - known}"


class _Unit(RawConfigParser):
    """A unit file: keys may come more than once, and keep their case."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None)
        self.read(path, encoding="utf-8")

    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists(path: Path) -> None:
    program, *words = _Unit(path)["Service"]["ExecStart"].split()
    assert program == "/opt/prilavok/.venv/bin/prilavok"
    command_line(words)


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_unit_may_write_into_its_own_folders_alone(path: Path) -> None:
    service = _Unit(path)["Service"]
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "yes"
    assert service["User"] == service["StateDirectory"] == "prilavok"
    assert service["CapabilityBoundingSet"] == ""
    assert service["EnvironmentFile"] == "/etc/prilavok/secrets.env"


@pytest.mark.parametrize("path", [path for path in SERVICES if "Restart=" in path.read_text()], ids=lambda p: p.name)
def test_a_unit_is_given_the_time_that_draining_takes(path: Path) -> None:
    assert int(_Unit(path)["Service"]["TimeoutStopSec"]) > DRAINS


def test_units_name_units_that_are_there() -> None:
    there = {re.sub(r"@[^.]*", "@", path.name) for path in UNITS}
    for path in UNITS:
        for name in re.findall(r"prilavok[\w@.-]*\.(?:service|target|timer)", path.read_text(encoding="utf-8")):
            assert re.sub(r"@[^.]*", "@", name) in there, f"{path.name}: {name}"


@pytest.mark.parametrize("name", OURS)
def test_a_container_runs_a_command_that_exists_without_rights(name: str) -> None:
    service = OURS[name]
    command_line([str(word) for word in service["command"]])
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert int(service["stop_grace_period"].removesuffix("s")) > DRAINS


def test_containers_name_what_is_there() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            made_by_hand = source == "./config.toml"
            assert source in COMPOSE["volumes"] or made_by_hand or (DEPLOY / source).exists(), source
    assert "ports" not in services["postgres"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_variables_of_the_containers_are_in_the_example() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    without_default = set(re.findall(r"\$\{(\w+)(?::\?|:-\})", text))
    example = set(re.findall(r"^(\w+)=", (DEPLOY / "example.env").read_text(encoding="utf-8"), re.MULTILINE))
    assert without_default == example


def test_the_containers_settings_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRILAVOK_SECRET_KEY", "0123456789abcdef" * 3)
    monkeypatch.setenv("PRILAVOK_DATABASE", "postgresql://prilavok:pass@postgres/prilavok")
    told = config.load(DEPLOY / "config.example.toml")
    assert told.database.startswith("postgresql://")
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    for name in re.findall(r"\{env=(\w+)\}", (DEPLOY / "config.example.toml").read_text(encoding="utf-8")):
        assert f"{name}:" in text


def test_the_image_is_made_of_files_that_are_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists(), source
    assert text.count("--require-hashes") == 2
    assert "\nUSER prilavok\n" in text
    command_line(re.findall(r'"([^"]+)"', text[text.rindex("\nCMD") :]))


@pytest.mark.parametrize("page", ["docs/installation.md", "docs/operation.md", "README.md", "README.ru.md"])
def test_commands_of_the_pages_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    code = re.findall(r"^\s*```\w*\n(.*?)^\s*```$", text, re.MULTILINE | re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    lines = [line for block in code for line in block.splitlines()]
    for line in lines:
        if found := re.search(r"(?:^|\.venv/bin/)prilavok ([a-z].*)", line.split(" #")[0].strip()):
            command_line([word for word in found[1].split() if word not in "|…"])


@pytest.mark.parametrize("unit", re.findall(r"deploy/[\w./@-]+", (ROOT / "docs/installation.md").read_text()))
def test_files_that_the_page_names_are_there(unit: str) -> None:
    made_by_hand = {"deploy/config.toml", "deploy/.env"}
    assert unit in made_by_hand or (ROOT / unit.rstrip(".")).exists() or list(ROOT.glob(f"{unit}*"))
