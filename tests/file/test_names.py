"""A key and the file that holds it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.file.names import (
    LONGEST_NAME,
    OLD_BUCKETS,
    TEMPORARY,
    KeyFile,
    encoded,
    file_by_mark,
    file_of,
    is_dynamos,
    key_of,
    name_mark,
    own_key,
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
FILES = st.builds(KeyFile, st.one_of(FOLDERS, st.sampled_from(OLD_BUCKETS)), NAMES)
RELATIVE = st.binary(min_size=1).filter(lambda rest: not rest.startswith(b"./"))


@given(FILES)
@example(KeyFile(b"v1/instances", b"%2E%2Fa"))
@example(KeyFile(b"v1/instances", b"foo_bar"))
@example(KeyFile(b"v1/instances", b"%5e"))
@example(KeyFile(b"v1/%2E", b"a"))
def test_every_file_has_a_key_that_leads_back_to_it_with_its_mark(file: KeyFile) -> None:
    assert file_by_mark(key_of(file), name_mark(file)) == file
    if not is_dynamos(file):
        assert file_of(own_key(file)) == file


@given(FILES, FILES)
def test_two_files_with_names_of_dynamo_never_share_a_key(one: KeyFile, other: KeyFile) -> None:
    if is_dynamos(one) and is_dynamos(other):
        assert (key_of(one) == key_of(other)) == (one == other)
    assert (own_key(one) == own_key(other)) == (one == other)


@given(FILES, st.text())
@example(KeyFile(b"v1/instances", b"a"), "*2e2e2f78")
@example(KeyFile(b"v1/instances", b"a"), "*2e2e")
@example(KeyFile(b"v1/instances", b"a%2Fb"), "~/")
@example(KeyFile(b"v1/instances", b"a"), "*zz")
def test_no_mark_leads_out_of_the_bucket(file: KeyFile, mark: str) -> None:
    found = file_by_mark(key_of(file), mark)
    if found is not None:
        assert found.bucket == file.bucket
        assert b"/" not in found.name
        assert found.name not in (b"", b".", b"..")


@given(st.binary())
@example(b"v1/instances/./foo%5Fbar")
@example(b"v1/instances/./../../x")
@example(b"v1/instances/../../x")
@example(b"v1/instances/\0")
@example(b"v1/a\0b/x")
def test_any_key_leads_to_one_file_in_its_bucket_or_to_none(key: bytes) -> None:
    file = file_of(key)
    if file is not None:
        assert key in (key_of(file), own_key(file))
        assert b"/" not in file.name
        assert not {b".", b"..", b""} & {file.name, *file.bucket.split(b"/")}


@given(FOLDERS, RELATIVE)
def test_a_key_that_can_be_written_is_read_back_as_it_was(bucket: bytes, rest: bytes) -> None:
    key = bucket + b"/" + rest
    if why_not_writable(key) is None:
        file = file_of(key)
        assert file is not None
        assert key_of(file) == key


def test_names_are_the_ones_that_dynamo_writes() -> None:
    assert encoded(b"prod/backend/clear_kv_blocks/a907") == (
        b"prod%2Fbackend%2Fclear%5Fkv%5Fblocks%2Fa907"
    )
    assert encoded("größe".encode()) == b"gr%C3%B6%C3%9Fe"


@pytest.mark.parametrize("name", [b"foo_bar", b"foo%5fbar", b"foo%5Fbar", b"foo%5Fba%72"])
def test_spellings_that_dynamo_takes_for_one_key_are_that_key(name: bytes) -> None:
    assert key_of(KeyFile(b"v1/instances", name)) == b"v1/instances/foo_bar"


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        (b"my%2Dteam%5Fa%2Fbackend", ""),
        (b"my-team_a%2Fbackend", "~-_"),
        (b"a.b%2Fbackend", "~."),
        (b"my%2dteam", "*6d7925326474" + b"eam".hex()),
    ],
)
def test_a_mark_tells_how_the_writer_encodes_names(name: bytes, mark: str) -> None:
    assert name_mark(KeyFile(b"v1/instances", name)) == mark


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
        b"v1/instances/./xy",
        b"v1/instances/" + b"x" * (LONGEST_NAME + 1),
        b"v1/instances/" + b"/" * (LONGEST_NAME // 3 + 1),
        b"v1/" + b"x" * (LONGEST_NAME + 1) + b"/x",
    ],
)
def test_keys_that_the_layout_cannot_hold_are_refused_with_a_reason(key: bytes) -> None:
    assert why_not_writable(key)


def test_the_longest_name_is_included() -> None:
    assert why_not_writable(b"v1/instances/" + b"x" * LONGEST_NAME) is None
