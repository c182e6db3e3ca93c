"""Owners read words, not kinds of jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.alarm_notices import named
from company.texts import LOCALES, Texts
from kit import config
from operation.tables import AlarmKind
from prilavok.hub import SUBSCRIBERS, Hub


@pytest.mark.parametrize("locale", LOCALES)
def test_every_kind_of_work_and_alarm_has_words(locale: str, tmp_path: Path) -> None:
    hub = Hub(
        config.parse(
            {"secret_key": "0123456789abcdef" * 4, "database": f"sqlite:///{tmp_path}/shop.db", "files": str(tmp_path)}
        )
    )
    keys = set(Texts().keys(locale))
    assert {f"job.{kind}" for kind in hub.worker.kinds} == {key for key in keys if key.startswith("job.")}
    following = {kind for kinds in SUBSCRIBERS.values() for kind in kinds}
    assert {kind for kind in following if named(Texts(), "queue", kind, locale) == kind} == set()
    assert {f"alarm.{kind}{end}" for kind in AlarmKind for end in ("", ".over")} <= keys


def test_a_queue_of_one_kind_of_work_is_called_as_that_work_is() -> None:
    texts = Texts()
    assert named(texts, "queue", "task.remind", "ru") == "Напоминания о задачах"
    assert named(texts, "queue", "delivery.notice", "ru") == "Известие курьеру о доставке"
    assert named(texts, "queue", "expire", "en") == "Reservations"
    assert named(texts, "queue", "of tomorrow", "en") == "of tomorrow"
