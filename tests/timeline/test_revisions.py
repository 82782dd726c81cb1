"""The revisions of a store are stepped through change by change, as far as they are left."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from backends.discovery.cluster import FirstSeen
from backends.discovery.discovery import Discovery
from backends.dynamo.queries import EVERYTHING
from backends.store import Compacted, Delete, NotYet, Put, StoreEvent
from backends.timeline import CountsAnew, Moment, Opening, StoreEvents
from backends.timeline.known_times import KnownTimes
from backends.timeline.revisions import RevisionTimeline
from tests.support import registered
from tests.support.etcd_places import Opener
from tests.support.etcd_server import EtcdServer
from tests.support.registered import KeyAndValue
from tests.support.remembering import RememberingKeyspace, RememberingWorld


def timeline_of(
    world: RememberingWorld, times: KnownTimes | None = None, **kept: int
) -> RevisionTimeline:
    times = KnownTimes("memory") if times is None else times
    return RevisionTimeline(Discovery(world.store), EVERYTHING, times, **kept)


async def numbers(timeline: RevisionTimeline, start: int, steps: Sequence[int]) -> list[int]:
    """The revisions that steps lead to, each from the one before."""
    moment, found = Moment(start), []
    for step in steps:
        moment = await timeline.change_from(moment, step)
        found.append(moment.number)
    return found


def filled() -> RememberingWorld:
    """Changes at 2, 3, 6 and 7; what is between them is another program's."""
    world = RememberingWorld()
    world.put(registered.instance(1), registered.instance(2))
    world.put((b"other/key", b"1"), (b"other/key", b"2"))
    world.put(registered.card(1))
    world.keyspace.delete(registered.instance(2)[0])
    world.put((b"other/key", b"3"), (b"other/key", b"4"))
    return world


def restore_to(world: RememberingWorld, revision: int) -> None:
    """What a restore from a backup leaves of it: later revisions are given again."""
    keyspace = world.keyspace
    assert isinstance(keyspace, RememberingKeyspace)
    keyspace._entries = keyspace.at(revision)
    keyspace._revision = revision
    keyspace.changes = tuple(one for one in keyspace.changes if one.revision <= revision)


async def test_only_changes_of_dynamos_keys_are_steps() -> None:
    world = filled()
    for chunk in (1, 1000):
        timeline = timeline_of(world, first_chunk=chunk)
        assert await timeline.last() == Moment(7, "7")
        assert await numbers(timeline, 9, [-1, -1, -1, 1, 1, 1]) == [6, 3, 2, 3, 6, 7]
        assert await numbers(timeline, 9, [-3, 2, -2]) == [2, 6, 2]


async def test_at_an_end_it_stays_where_it_is() -> None:
    timeline = timeline_of(filled())
    assert await numbers(timeline, 7, [1, 5]) == [7, 7]
    assert await numbers(timeline, 7, [-99, -1]) == [1, 1]


async def test_a_key_that_is_written_again_the_same_is_no_step() -> None:
    world = filled()
    world.put(registered.card(1))
    assert await timeline_of(world).last() == Moment(7, "7")


async def test_back_goes_as_far_as_the_compaction_and_says_so() -> None:
    world = filled()
    world.compact(5)
    timeline = timeline_of(world)
    assert (await timeline.first()).number == 5
    assert await numbers(timeline, 7, [-1, -1, -1]) == [6, 5, 5]
    with pytest.raises(Compacted) as error:
        await timeline.open(Moment(3))
    assert error.value.oldest == 5
    with pytest.raises(NotYet):
        await timeline.at_revision(10)
    world.compact(7)
    with pytest.raises(Compacted):
        await timeline_of(world).change_from(Moment(6), -1)


async def test_a_moment_opens_with_what_was_there_and_the_changes_before() -> None:
    opening = await timeline_of(filled()).open(Moment(6))
    keys = [entry.key for entry in opening.entries.entries]
    assert keys == sorted(one[0] for one in (*map(registered.instance, (1, 2)), registered.card(1)))
    assert [change.revision for change in opening.earlier] == [2, 3, 6]
    assert not opening.steps
    assert not opening.evidence
    assert opening.first_seen == {}


async def test_the_steps_between_two_moments_are_those_of_the_store() -> None:
    timeline = timeline_of(filled())
    steps = await timeline.between(Moment(3), Moment(8))
    assert steps is not None
    assert [step.moment.number for step in steps] == [6, 7, 8]
    events: list[list[StoreEvent]] = [
        [*step.step.events] for step in steps if isinstance(step.step, StoreEvents)
    ]
    assert isinstance(events[0][0], Put)
    assert events[1:] == [[Delete(registered.instance(2)[0])], []]
    assert await timeline.between(Moment(8), Moment(3)) is None


async def test_what_is_far_is_opened_anew() -> None:
    world = filled()
    for number in range(600):
        world.put(registered.instance(number + 10))
    assert await timeline_of(world).between(Moment(2), Moment(world.revision)) is None


async def test_few_changes_are_kept_and_others_are_read_again() -> None:
    world = RememberingWorld()
    for number in range(1, 101):
        world.put(registered.instance(number))
    timeline = timeline_of(world, first_chunk=10, kept=20)
    assert await numbers(timeline, 101, [-1] * 80) == [*range(100, 20, -1)]
    assert len(timeline._changes) <= 40
    assert await numbers(timeline, 21, [1] * 80) == [*range(22, 102)]
    assert len(timeline._changes) <= 40


async def test_after_a_restore_nothing_of_the_revisions_of_before_is_left() -> None:
    world = filled()
    times = KnownTimes("memory")
    times.observe(7, 100.0, is_all=True)
    timeline = timeline_of(world, times)
    before = await timeline.last()
    await timeline.open(before)
    restore_to(world, 3)
    world.put(registered.instance(7), registered.instance(8), registered.instance(9))
    world.put(registered.card(9), registered.card(8))
    times.observe(3, 200.0, is_all=True)

    with pytest.raises(CountsAnew):
        await timeline.change_from(before, -1)
    assert await timeline.between(before, Moment(8)) is None

    opening = await timeline.open(await timeline.at_revision(7))
    cards = registered.card(9)[0]
    there = [registered.instance(number)[0] for number in (1, 2, 7, 8, 9)]
    assert {one.key for one in opening.entries.entries} == {*there, cards}
    assert [one.latest.key for one in opening.earlier] == [*there, cards]
    assert await numbers(timeline, 7, [-1, 2]) == [6, 8]
    assert await timeline.between(Moment(7), Moment(8)) is not None


async def test_ages_are_told_as_far_as_times_are_known() -> None:
    world = RememberingWorld()
    world.put(registered.instance(1), registered.instance(2))
    times = KnownTimes("memory")
    times.observe(3, 100.0, is_all=True)
    world.put(registered.instance(3), registered.card(1))
    times.observe(4, 150.0)
    times.observe(5, 160.0)
    timeline = timeline_of(world, times)
    assert await timeline.at_time(155.0) == Moment(4, "4", 150.0)
    opening: Opening = await timeline.open(Moment(5, "5", 160.0))
    one, _, three = (registered.instance(number)[0] for number in (1, 2, 3))
    assert opening.first_seen[one] == FirstSeen(100.0, was_there=True)
    assert opening.first_seen[three] == FirstSeen(150.0, was_there=False)
    assert [change.at for change in opening.earlier] == [None, None, 150.0, 160.0]


# --- a real etcd ------------------------------------------------------------------------------


def put(server: EtcdServer, *registered_keys: KeyAndValue) -> int:
    revision = 0
    for key, value in registered_keys:
        answer = server.etcdctl("put", key.decode(), value.decode(), "-w", "json")
        revision = json.loads(answer)["header"]["revision"]
    return revision


async def test_of_a_real_etcd_steps_and_moments_are_its_revisions(
    open_store: Opener, etcd: EtcdServer
) -> None:
    first = put(etcd, registered.instance(1))
    put(etcd, (b"other/key", b"x"), (b"other/key", b"y"))
    second = put(etcd, registered.card(1))
    etcd.etcdctl("del", registered.instance(1)[0].decode())
    third = second + 1
    put(etcd, (b"other/key", b"z"))
    timeline = RevisionTimeline(Discovery(open_store(etcd)), EVERYTHING, KnownTimes("etcd"))
    assert (await timeline.last()).number == third
    assert await numbers(timeline, third + 1, [-1, -1, 1, 1, 1]) == [
        second,
        first,
        second,
        third,
        third,
    ]
    for number in (first, second, third):
        then = await Discovery(open_store(etcd)).list(EVERYTHING, number)
        opening = await timeline.open(Moment(number))
        assert [one.entry for one in then] == list(opening.entries.entries)
    steps = await timeline.between(Moment(first), Moment(third))
    assert steps is not None
    assert [step.moment.number for step in steps] == [second, third]
    etcd.etcdctl("compact", str(second))
    timeline = RevisionTimeline(Discovery(open_store(etcd)), EVERYTHING, KnownTimes("etcd"))
    assert await numbers(timeline, third, [-1, -1]) == [second, second]
    with pytest.raises(Compacted) as error:
        await timeline.open(Moment(first))
    assert error.value.oldest == second


async def test_where_a_revision_is_a_time_each_step_has_it_and_all_is_read_at_once(
    nats_timeline: RevisionTimeline,
) -> None:
    timeline = nats_timeline
    assert timeline.name == "what nats' buckets keep by their history (max-msgs-per-subject)"
    last = await timeline.last()
    assert last.revision == ""
    assert last.at == last.number / 1_000_000
    moments = [last]
    for _ in range(4):
        moments.append(await timeline.change_from(moments[-1], -1))
    numbers_of = [one.number for one in moments]
    # The oldest is when the bucket was made, and there is nothing before it.
    assert numbers_of == [*sorted(set(numbers_of), reverse=True), numbers_of[-1]]
    assert numbers_of[-1] == numbers_of[-2] == (await timeline.first()).number
    assert await timeline.change_from(moments[3], 2) == moments[1]
    assert await timeline.at_time(last.number / 1_000_000 + 5) == Moment(
        last.number + 5_000_000, at=last.number / 1_000_000 + 5
    )
    assert await timeline.at_time(1.0) == await timeline.first()
    with pytest.raises(NotYet):
        await timeline.open(await timeline.at_revision(2**62))
    opening = await timeline.open(last)
    assert [one.key for one in opening.entries.entries] == [registered.instance(2)[0]]
    assert [one.at for one in opening.earlier] == [one.at for one in moments[2::-1]]
    seen = opening.first_seen[registered.instance(2)[0]]
    assert seen == FirstSeen(moments[1].at or 0.0, was_there=False)
    steps = await timeline.between(moments[2], last)
    assert steps is not None
    assert [one.moment for one in steps] == [moments[1], last]
