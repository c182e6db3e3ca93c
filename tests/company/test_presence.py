"""Who is there: by the open console, unless he says that he is away."""

from __future__ import annotations

from datetime import time, timedelta

from company import presence, shops
from company.presence import STAYS, Presence
from company.settings import Hours, WorkingHours
from kit.clock import utc_now
from tests.worlds import World


def states(world: World, later: timedelta = timedelta(0)) -> list[Presence]:
    found = presence.of_shop(world.session, world.shop.id, utc_now() + later)
    return [found[world.owner.id], found[world.operator.id]]


def test_an_open_console_is_a_person_who_is_there(world: World) -> None:
    assert states(world) == [Presence.OFFLINE, Presence.OFFLINE]
    presence.seen(world.session, world.operator.id)
    presence.seen(world.session, world.operator.id)
    assert states(world) == [Presence.OFFLINE, Presence.ONLINE]
    assert states(world, STAYS + timedelta(seconds=1)) == [Presence.OFFLINE, Presence.OFFLINE]


def test_away_holds_until_it_is_taken_back(world: World) -> None:
    presence.set_away(world.session, world.operator.id, True)
    assert states(world)[1] is Presence.OFFLINE
    presence.seen(world.session, world.operator.id)
    assert (states(world)[1], presence.is_away(world.session, world.operator.id)) == (Presence.AWAY, True)
    presence.set_away(world.session, world.operator.id, False)
    assert states(world)[1] is Presence.ONLINE


def test_outside_the_shift_an_open_console_does_not_count(world: World) -> None:
    def works(*, opens: time, closes: time) -> None:
        shift = WorkingHours(week=(Hours(opens=opens, closes=closes),) * 7)
        presence.set_shift(world.session, world.shop, world.operator.id, shift)

    presence.seen(world.session, world.operator.id)
    works(opens=time(0), closes=time(0))
    assert states(world)[1] is Presence.ONLINE
    presence.set_shift(world.session, world.shop, world.operator.id, WorkingHours(week=(None,) * 7))
    assert states(world)[1] is Presence.OFF_SHIFT
    presence.set_shift(world.session, world.shop, world.operator.id, WorkingHours())
    assert (states(world)[1], world.shop.settings.get("shifts")) == (Presence.ONLINE, None)


def test_of_a_shop_its_own_active_staff_alone(world: World) -> None:
    world.operator.active = False
    world.session.flush()
    assert set(presence.of_shop(world.session, world.shop.id, utc_now())) == {world.owner.id}
    assert presence.of_shop(world.session, shops.create(world.session, name="Другая").id, utc_now()) == {}
