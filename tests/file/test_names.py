"""A key and the file that holds it: each the other's only one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.file.names import (
    LONGEST_NAME,
    OLD_BUCKETS,
    TEMPORARY,
    Place,
    encoded,
    key_of,
    place_of,
    why_not_writable,
)

NAMES = st.one_of(
    st.binary(min_size=1, max_size=40),
    # Names that come close to the ones Dynamo writes.
    st.lists(
        st.sampled_from([b"a", b"%2F", b"%2f", b"%", b"%5F", b"_", b".", b"%41"]), min_size=1
    ).map(b"".join),
).filter(
    lambda name: (
        name not in (b".", b"..")
        and not name.startswith(TEMPORARY)
        and b"/" not in name
        and b"\0" not in name
    )
)
FOLDERS = NAMES.map(lambda name: b"v1/" + name)
PLACES = st.builds(Place, st.one_of(FOLDERS, st.sampled_from(OLD_BUCKETS)), NAMES)
RELATIVE = st.binary(min_size=1).filter(lambda rest: not rest.startswith(b"./"))


@given(PLACES)
@example(Place(b"v1/instances", b"%2E%2Fa"))
@example(Place(b"v1/instances", b"foo_bar"))
@example(Place(b"v1/%2E", b"a"))
def test_every_file_has_a_key_that_leads_back_to_it(place: Place) -> None:
    assert place_of(key_of(place)) == place


@given(PLACES, PLACES)
def test_two_files_never_share_a_key(one: Place, other: Place) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@given(st.binary())
@example(b"v1/instances/./foo%5Fbar")
@example(b"v1/instances/./../../x")
@example(b"v1/instances/../../x")
@example(b"v1/instances/\0")
@example(b"v1/a\0b/x")
def test_any_key_leads_to_one_file_in_its_bucket_or_to_none(key: bytes) -> None:
    place = place_of(key)
    if place is not None:
        assert key_of(place) == key
        assert b"/" not in place.name
        assert not {b".", b"..", b""} & {place.name, *place.bucket.split(b"/")}


@given(FOLDERS, RELATIVE)
def test_a_key_that_can_be_written_is_read_back_as_it_was(bucket: bytes, rest: bytes) -> None:
    key = bucket + b"/" + rest
    if why_not_writable(key) is None:
        place = place_of(key)
        assert place is not None
        assert key_of(place) == key


def test_names_are_the_ones_that_dynamo_writes() -> None:
    assert encoded(b"prod/backend/clear_kv_blocks/a907") == (
        b"prod%2Fbackend%2Fclear%5Fkv%5Fblocks%2Fa907"
    )
    assert encoded("größe".encode()) == b"gr%C3%B6%C3%9Fe"


@pytest.mark.parametrize("name", [b"foo_bar", b"foo%5fbar", b"foo%5Fbar", b"foo%5Fba%72"])
def test_spellings_that_dynamo_takes_for_one_key_are_keys_of_their_own(name: bytes) -> None:
    key = key_of(Place(b"v1/instances", name))
    if name == b"foo%5Fbar":
        assert key == b"v1/instances/foo_bar"
    else:
        assert key == b"v1/instances/./" + name


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"v1",
        b"v1/",
        b"v1/instances",
        b"v1/instances/",
        b"v1//x",
        b"v1/./x",
        b"v1/../x",
        b"v1/a\0/x",
        b"v2/instances/x",
        b"/v1/instances/x",
        b"../v1/instances/x",
        b"instances",
        b"mdc/",
        b"other/x",
        b"v1/instances/./x_y",
        b"v1/instances/" + b"x" * (LONGEST_NAME + 1),
        b"v1/instances/" + b"/" * (LONGEST_NAME // 3 + 1),
        b"v1/" + b"x" * (LONGEST_NAME + 1) + b"/x",
    ],
)
def test_keys_that_the_layout_cannot_hold_are_refused_with_a_reason(key: bytes) -> None:
    assert why_not_writable(key)


def test_the_longest_name_is_included() -> None:
    assert why_not_writable(b"v1/instances/" + b"x" * LONGEST_NAME) is None
