"""The contract is played on the databases of whole stories."""

from __future__ import annotations

from tests.stories.conftest import _migrated_postgres, _migrated_sqlite, story_database

__all__ = ["_migrated_postgres", "_migrated_sqlite", "story_database"]
