"""What an owner changes of the shop's pipelines, one small act at a time.

Every act says which version of the pipeline its author has seen, and is refused if there is a newer one: two people who
arrange stages at once would otherwise make something that neither of them meant. Every act leaves a pipeline through
which each order can come to an end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from company.tables import Role, Shop
from kit.errors import Missing, Refused
from orders.events import PipelineChanged
from orders.pipelines import SYSTEM_ONLY, NoPipeline, NoWayOut, StageSpec, check, create_pipeline, pipelines
from orders.tables import Group, Order, Pipeline, Stage
from storage.events import publish

MOST_STAGES, MOST_PIPELINES = 40, 20

NAME_LENGTH = 120

COLOURS = ("new", "wait", "paid", "pack", "ship", "done", "cancelled", "violet", "orange", "olive")
"""What the console's palette has for stages."""

ENTERED_BY: dict[str, tuple[str, ...]] = {
    "all": (),
    "owner": (str(Role.OWNER),),
    "courier": (str(Role.OWNER), str(Role.MANAGER), str(Role.COURIER)),
    "system": SYSTEM_ONLY,
}
"""Who moves orders into a stage, as an owner chooses it, and the roles that are kept for it."""


class NoStage(Missing):
    """The shop has no such stage."""

    code = "no_such_stage"


class PipelineMovedOn(Refused):
    """Somebody has changed the pipeline since it was seen."""

    code = "pipeline_moved_on"


class NameNeeded(Refused):
    code = "pipeline_name_needed"


class TooManyStages(Refused):
    code = "too_many_stages"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST_STAGES} stages, or {MOST_PIPELINES} pipelines")


class BeginsHere(Refused):
    """Orders begin in this stage: it stays the first and in use."""

    code = "orders_begin_here"

    def __init__(self, stage: Stage) -> None:
        super().__init__(f"orders begin in {stage.code}", stage=stage.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A name in the shop's language, and in the other one if there is such."""

    name: str
    translated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an owner may change of a stage. What it means to the system stays: its orders' goods were booked by that."""

    colour: str
    leads_to: Collection[str]
    """Codes of stages of the same pipeline; others are left out."""
    entered_by: str = "all"
    needs_payment: bool = False


def add_pipeline(session: Session, shop: Shop, names: Wording, pattern: Sequence[StageSpec], *, actor: str) -> Pipeline:
    """A pipeline more, made after a pattern; the last in order, so that orders do not take it by themselves."""
    name, _ = _names(shop, names)
    if len(pipelines(session, shop.id)) >= MOST_PIPELINES:
        raise TooManyStages()
    made = create_pipeline(session, shop, name, pattern)
    made.translations = _translations(shop, names)
    _tell(session, made, actor, "added", None)
    return made


def rename(session: Session, shop: Shop, pipeline_id: int, names: Wording, *, seen: int, actor: str) -> None:
    row = _locked(session, shop, pipeline_id, seen)
    before, (row.name, row.translations) = row.name, _names(shop, names)
    _tell(session, row, actor, "renamed", before)


def put_first(session: Session, shop: Shop, pipeline_id: int, *, seen: int, actor: str) -> None:
    """Orders take this pipeline by themselves from now on."""
    row = _locked(session, shop, pipeline_id, seen)
    for position, other in enumerate(sorted(pipelines(session, shop.id), key=lambda each: each.id != row.id)):
        other.position = position
    _tell(session, row, actor, "first", None)


def add_stage(
    session: Session, shop: Shop, after_id: int, names: Wording, group: Group, *, seen: int, actor: str
) -> Stage:
    """A stage behind this one: it leads where that one led, and that one leads to it as well."""
    before = _stage(session, shop, after_id)
    row = _locked(session, shop, before.pipeline_id, seen)
    if len(row.stages) >= MOST_STAGES:
        raise TooManyStages()
    name, translations = _names(shop, names)
    stage = Stage(
        pipeline_id=row.id,
        code=_code(row, names),
        name=name,
        translations=translations,
        colour=before.colour if group == before.group else _COLOUR_OF[group],
        group=group,
        next_codes=[] if group in ENDS else list(before.next_codes),
        roles=[],
        needs_payment=before.needs_payment and group in (Group.ASSEMBLING, Group.DELIVERY),
    )
    before.next_codes = [stage.code, *before.next_codes]
    at = row.stages.index(before) + 1
    _arranged(session, row, [*row.stages[:at], stage, *row.stages[at:]])
    session.add(stage)
    _tell(session, row, actor, "stage_added", stage.code)
    return stage


def edit_stage(
    session: Session, shop: Shop, stage_id: int, names: Wording, rules: Rules, *, seen: int, actor: str
) -> None:
    """Give the stage these names and rules. Orders that stand in it stay, and go on by the new rules.

    Raises BadPipeline where some order could then not come to an end.
    """
    stage = _stage(session, shop, stage_id)
    row = _locked(session, shop, stage.pipeline_id, seen)
    told = _told(stage)
    stage.name, stage.translations = _names(shop, names)
    stage.needs_payment = rules.needs_payment
    stage.colour = rules.colour if rules.colour in COLOURS else stage.colour
    stage.roles = list(ENTERED_BY.get(rules.entered_by, tuple(stage.roles)))
    stage.next_codes = [
        other.code for other in row.stages if other.code in rules.leads_to and other is not stage and not other.archived
    ]
    _kept(session, row)
    _tell(session, row, actor, "stage_edited", stage.code, told)


def shift_stage(session: Session, shop: Shop, stage_id: int, *, back: bool, seen: int, actor: str) -> None:
    """One place up or down among the stages in use; at the end of the row nothing moves."""
    stage = _stage(session, shop, stage_id)
    row = _locked(session, shop, stage.pipeline_id, seen)
    live = [each for each in row.stages if not each.archived]
    if stage.archived:
        return
    at = live.index(stage)
    to = max(0, min(len(live) - 1, at - 1 if back else at + 1))
    live.insert(to, live.pop(at))
    _arranged(session, row, [*live, *(each for each in row.stages if each.archived)])
    _kept(session, row)
    _tell(session, row, actor, "stages_arranged", stage.code)


def archive_stage(session: Session, shop: Shop, stage_id: int, *, seen: int, actor: str) -> int:
    """Put the stage out of use: what led to it leads on to where it led. How many orders stand in it; they go on."""
    stage = _stage(session, shop, stage_id)
    row = _locked(session, shop, stage.pipeline_id, seen)
    if row.stages[0] is stage:
        raise BeginsHere(stage)
    stage.archived = True
    for other in row.stages:
        if stage.code in other.next_codes:
            ways = {*other.next_codes, *stage.next_codes} - {stage.code, other.code}
            other.next_codes = [each.code for each in row.stages if each.code in ways]
    _arranged(session, row, sorted(row.stages, key=lambda each: each.archived))
    _kept(session, row)
    _tell(session, row, actor, "stage_archived", stage.code)
    return session.scalar(sa.select(sa.func.count(Order.id)).where(Order.stage_id == stage.id)) or 0


def use_again(session: Session, shop: Shop, stage_id: int, *, seen: int, actor: str) -> None:
    """Take an archived stage back into use, as the last one; what leads to it is to be said anew."""
    stage = _stage(session, shop, stage_id)
    row = _locked(session, shop, stage.pipeline_id, seen)
    stage.archived = False
    _arranged(session, row, sorted(row.stages, key=lambda each: (each.archived, each is stage)))
    _kept(session, row)
    _tell(session, row, actor, "stage_used_again", stage.code)


ENDS = (Group.COMPLETE, Group.CANCELLED)

_COLOUR_OF = dict(zip(Group, ("new", "wait", "pack", "ship", "done", "cancelled"), strict=True))


def _stage(session: Session, shop: Shop, stage_id: int) -> Stage:
    query = sa.select(Stage).join(Pipeline, Pipeline.id == Stage.pipeline_id)
    stage = session.scalar(query.where(Stage.id == stage_id, Pipeline.shop_id == shop.id))
    if stage is None:
        raise NoStage(f"stage {stage_id}")
    return stage


def _locked(session: Session, shop: Shop, pipeline_id: int, seen: int) -> Pipeline:
    """The pipeline with its stages as they are now, held until the transaction ends, one version further."""
    row = session.scalar(
        sa.select(Pipeline)
        .where(Pipeline.id == pipeline_id, Pipeline.shop_id == shop.id)
        .options(selectinload(Pipeline.stages))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NoPipeline(f"shop {shop.id} has no pipeline {pipeline_id}")
    if row.version != seen:
        raise PipelineMovedOn(f"pipeline {pipeline_id} is at {row.version}, not {seen}")
    row.version += 1
    return row


def _names(shop: Shop, names: Wording) -> tuple[str, dict[str, dict[str, str]]]:
    name = " ".join(names.name.split())[:NAME_LENGTH]
    if not name:
        raise NameNeeded("a pipeline and a stage have names")
    return name, _translations(shop, names)


def _translations(shop: Shop, names: Wording) -> dict[str, dict[str, str]]:
    translated = " ".join(names.translated.split())[:NAME_LENGTH]
    return {other_language(shop): {"name": translated}} if translated else {}


def other_language(shop: Shop) -> str:
    """The language that names may be translated into."""
    return "ru" if shop.locale.startswith("en") else "en"


def _code(pipeline: Pipeline, names: Wording) -> str:
    """What the new stage is called in addresses and files, for ever: its Latin name, or a number."""
    taken = {stage.code for stage in pipeline.stages}
    words = re.findall(r"[a-z0-9]+", f"{names.translated} {names.name}".lower())
    plain = "_".join(words)[:30] or "stage"
    return next(code for code in (plain, *(f"{plain}_{n}" for n in range(2, MOST_STAGES + 2))) if code not in taken)


def _arranged(session: Session, pipeline: Pipeline, stages: Sequence[Stage]) -> None:
    for position, stage in enumerate(stages):
        stage.position = position
    pipeline.stages[:] = stages
    session.flush()


def _kept(session: Session, pipeline: Pipeline) -> None:
    """Raises BadPipeline, and nothing is kept, unless what has been made of it is a pipeline."""
    check([_spec(stage) for stage in pipeline.stages if not stage.archived])
    for stage in pipeline.stages:
        if stage.archived and not stage.next_codes and stage.group not in ENDS:
            raise NoWayOut(_spec(stage))
    session.flush()


def _spec(stage: Stage) -> StageSpec:
    return StageSpec(stage.code, stage.name, "", Group(stage.group), tuple(stage.next_codes))


def _told(stage: Stage) -> dict[str, object]:
    return {
        "name": stage.name,
        "group": str(stage.group),
        "colour": stage.colour,
        "next": list(stage.next_codes),
        "roles": list(stage.roles),
        "needs_payment": stage.needs_payment,
    }


def _tell(
    session: Session, pipeline: Pipeline, actor: str, what: str, which: str | None, before: object = None
) -> None:
    session.flush()
    publish(
        session,
        PipelineChanged(
            shop_id=pipeline.shop_id,
            subject=f"pipeline:{pipeline.id}",
            actor=actor,
            pipeline_id=pipeline.id,
            what=what,
            which=which,
            before=before,
        ),
    )
