"""An upgrade is done or not begun, whoever dies in it and however many begin it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from prilavok import installation
from storage import migrate
from storage.database import Database, TakenDatabase
from tests.installation import old_shop
from tests.installation.conftest import NewDatabase
from tests.installation.kills import STEPS, bring_to, kill_in, migrated_to, seen
from tests.installation.migrating import Migration, Mother
from tests.installation.releases import NEXT, release

KILLS = 3
"""In each step; `python -m tests.installation.kills` kills before every statement."""

YOUNG = STEPS[-2:]
"""The last step, and the one of a release to come. Older ones do not change any more; the command has all."""

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("step", YOUNG)
def test_a_killed_migration_leaves_the_old_tables_or_the_new(
    step: str, new_database: NewDatabase, tmp_path: Path, mother: Mother
) -> None:
    assert kill_in(step, new_database, tmp_path, mother, kills=KILLS) == KILLS + 1


@pytest.mark.parametrize("step", YOUNG)
def test_a_shop_of_the_first_release_comes_along(step: str, bare: str, tmp_path: Path, mother: Mother) -> None:
    bring_to(step, bare, tmp_path, mother)
    with seen(bare) as engine, engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == step
        for table, rows in old_shop.ROWS.items():
            there = connection.scalar(sa.text(f'SELECT COUNT(*) FROM "{table}"'))
            assert there == len(rows), table
        moves = connection.execute(sa.text("SELECT order_id, seq FROM stage_move ORDER BY order_id, seq")).all()
        # The rows that point at a table outlive its being made anew.
        lost = sa.text("SELECT COUNT(*) FROM product p LEFT JOIN shop s ON s.id = p.shop_id WHERE s.id IS NULL")
        assert connection.scalar(lost) == 0
        assert sa.inspect(connection).get_foreign_keys("product")
    assert [tuple(row) for row in moves] == sorted((row["order_id"], row["seq"]) for row in old_shop.ROWS["stage_move"])


def test_those_who_migrate_at_once_wait_for_each_other(bare: str, tmp_path: Path, mother: Mother) -> None:
    fresh, start = release(tmp_path / "fresh", NEXT), tmp_path / "start"
    rivals = [mother.begin(Migration(str(fresh), bare, wait_for=str(start), linger=0.3)) for _ in range(3)]
    start.touch()
    assert [mother.end(rival)[0] for rival in rivals] == [0, 0, 0]
    assert migrated_to(bare) == NEXT


def test_hubs_that_open_together_make_one_shop(bare: str, tmp_path: Path, mother: Mother) -> None:
    fresh, start = release(tmp_path / "fresh", STEPS[-2]), tmp_path / "start"
    rivals = [mother.begin(Migration(str(fresh), bare, wait_for=str(start), shop=True)) for _ in range(3)]
    start.touch()
    ended = [mother.end(rival) for rival in rivals]
    assert [status for status, _ in ended] == [0, 0, 0], ended
    with seen(bare) as engine, engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM shop")) == 1


def test_a_newer_database_is_left_alone_with_words(bare: str) -> None:
    installation.migrate(bare)
    with seen(bare) as engine, engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrate.NewerTables, match=r"newer Prilavok \(9999; this one knows"):
        installation.migrate(bare)
    assert migrated_to(bare) == "9999"


async def test_tables_are_not_changed_under_a_running_hub(tmp_path: Path, mother: Mother) -> None:
    """On SQLite, where the hub is one process; it needs the old ones to its end."""
    url = f"sqlite:///{tmp_path}/shop.db"
    bring_to(STEPS[0], url, tmp_path, mother)
    hub = Database(url)
    hub.claim()
    status, words = mother.run(release(tmp_path / "next", NEXT), url)
    await hub.close()
    assert status == 1
    assert words.startswith(TakenDatabase.__name__)
    assert migrated_to(url) == STEPS[0]
