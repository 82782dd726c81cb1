"""What a user may not read is said by what it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dynamo.queries import EVERYTHING, Query
from backends.etcd.key_ranges import NO_END, KeyRange, common, key_ranges, without
from backends.etcd.permissions import unread_in_words

OLD = "what Dynamo up to 0.5 registers (instances/, mdc/, models/)"


def unread(*permitted: bytes, query: Query = EVERYTHING) -> str:
    """By the prefixes that may be read."""
    return unread_in_words(key_ranges(query.prefixes), key_ranges(permitted))


@pytest.mark.parametrize(
    ("permitted", "named"),
    [
        ([b"v1/"], OLD),
        ([b"v1/instances/", b"v1/mdc/", b"mdc/", b"models/", b"instances/"], (
            "event channels (v1/event_channels/), event sources (v1/event_sources/), "
            "other keys (v1/)"
        )),
        ([b"v1/instances/prod/", b"v1/instances/test/", b"v1/mdc/", b"v1/event_"], (
            f"{OLD}, endpoint instances (v1/instances/) but v1/instances/prod/ and "
            "v1/instances/test/, other keys (v1/) but v1/event_"
        )),
        ([b"v1/pool_roles/", b"instances/", b"mdc/", b"models/"], (
            "endpoint instances (v1/instances/), event channels (v1/event_channels/), "
            "event sources (v1/event_sources/), model cards (v1/mdc/), "
            "other keys (v1/) but v1/pool_roles/"
        )),
    ],
)  # fmt: skip
def test_each_kind_of_record_that_may_not_be_read_is_named_with_its_prefix(
    permitted: list[bytes], named: str
) -> None:
    assert unread(*permitted) == f"no permission to read {named}"


def test_of_one_namespace_a_kind_is_named_once_however_its_keys_are_written() -> None:
    in_prod = Query(EVERYTHING.kinds, namespace="prod", nested=True)
    assert unread(b"v1/", query=in_prod) == f"no permission to read {OLD}"
    assert unread(b"v1/mdc/prod", b"v1/instances/prod", query=in_prod) == (
        "no permission to read event channels (v1/event_channels/), event sources "
        f"(v1/event_sources/), other keys (v1/), {OLD}"
    )


def test_where_all_may_be_read_nothing_is_named_and_other_programs_keys_by_their_prefix() -> None:
    assert unread(b"") == unread(b"v1/", b"instances/", b"models/", b"mdc/") == ""
    asked = key_ranges([b"a/", b"b/"])
    named = "no permission to read a/, b/ but b/c/"
    assert unread_in_words(asked, key_ranges([b"b/c/"])) == named


_bound = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
_ranges = st.lists(
    st.builds(lambda start, end: KeyRange(start, end), _bound, _bound | st.just(NO_END)).filter(
        lambda one: one.end == NO_END or one.end > one.start
    ),
    max_size=4,
)


def keys_in(ranges: list[KeyRange]) -> set[bytes]:
    keys = (b"a", b"b", b"b1", b"c", b"d", b"e", b"z")
    return {
        key
        for key in keys
        for one in ranges
        if one.start <= key and (one.end == NO_END or key < one.end)
    }


@given(_ranges, _ranges)
def test_ranges_in_both_and_in_one_alone_hold_the_keys_that_sets_of_keys_would(
    some: list[KeyRange], others: list[KeyRange]
) -> None:
    assert keys_in(common(some, others)) == keys_in(some) & keys_in(others)
    assert keys_in(without(some, others)) == keys_in(some) - keys_in(others)
