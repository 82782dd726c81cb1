"""Names: what may be registered, and what Dynamo makes of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dynamo import naming
from backends.dynamo.naming import InvalidName

# From the tests in Dynamo's own `component.rs` of 2025, which says of some names both that they
# are valid and that they are not; the pattern that it compiles, `^[a-z0-9-_]+$`, allows them.
VALID = [
    "abc", "abc123", "a-b-c", "a_b_c", "a-b_c-123", "a", "a_b", "123456", "a---b_c123",
    "-", "_", "a-", "-a",
]  # fmt: skip
INVALID = ["abc!", "abc@", "123$", "foo.bar", "foo/bar", "foo\\bar", "abc#", "abc def", "foo,", ""]
ALSO_INVALID = ["Abc", "abc\n", "ä", "١", "a\x00", "ﬀ"]
"""Upper case, and what looks like a letter, a digit or an end to a careless pattern."""


@pytest.mark.parametrize("name", VALID)
def test_a_name_that_dynamo_allows_is_allowed(name: str) -> None:
    naming.check_name("component", name)
    naming.check_namespace(name)


@pytest.mark.parametrize("name", INVALID + ALSO_INVALID)
def test_a_name_that_dynamo_does_not_allow_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidName) as refusal:
        naming.check_name("component", name)
    assert (refusal.value.what, refusal.value.name) == ("component", name)
    assert repr(name) in str(refusal.value)


@pytest.mark.parametrize("name", ["parent.child", "a.b.c", "1.-._"])
def test_a_namespace_may_be_nested(name: str) -> None:
    naming.check_namespace(name)


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b", "a.B", "a/b", "a.b/c"])
def test_a_nested_namespace_has_only_allowed_parts(name: str) -> None:
    with pytest.raises(InvalidName):
        naming.check_namespace(name)


@pytest.mark.parametrize(
    ("namespace", "parent", "is_within"),
    [
        ("a", "a", True),
        ("a.b", "a", True),
        ("a.b.c", "a", True),
        ("a.b.c", "a.b", True),
        ("a", "a.b", False),
        ("ab", "a", False),
        ("ab.c", "a", False),
        ("a-b", "a", False),
        ("b.a", "a", False),
    ],
)
def test_a_namespace_is_within_its_parents_and_no_other(
    namespace: str, parent: str, is_within: bool
) -> None:
    assert naming.is_within(namespace, parent) is is_within


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("acme/SQL-Adapter_v2", "acme_sql-adapter_v2"),
        ("chat.adapter", "chat_adapter"),
        ("lora-sql", "lora-sql"),
        ("Qwen/Qwen3-32B", "qwen_qwen3-32b"),
        ("a b", "a_b"),
        ("_private", "private"),
        ("/models/x", "models_x"),
        ("-a", "-a"),
        ("a\n", "a_"),
        ("größe", "gr__e"),
        ("", ""),
        ("///", ""),
    ],
)
def test_a_slug_is_lower_case_with_all_but_letters_digits_and_two_marks_replaced(
    text: str, slug: str
) -> None:
    assert naming.slugify(text) == slug


@given(st.text())
def test_a_slug_is_empty_or_an_allowed_name_and_its_own_slug(text: str) -> None:
    slug = naming.slugify(text)
    assert not slug or naming.ALLOWED_NAME.fullmatch(slug)
    assert naming.slugify(slug) == slug


def test_a_service_and_its_subjects_are_named_as_dynamo_names_them() -> None:
    assert naming.service_name("prod", "backend") == "prod_backend"
    assert naming.service_name("Prod.canary", "backend") == "prod_canary_backend"
    subject = naming.subject("prod", "backend", "generate", 0x7D7BA1FD2395771F)
    # As the corpus of 0.5.1 has it.
    assert subject == "prod_backend.generate-7d7ba1fd2395771f"


def test_a_static_endpoint_has_the_bare_name() -> None:
    assert naming.endpoint_name("generate", None) == "generate"
    assert naming.endpoint_name("generate", 0) == "generate-0"
    assert naming.subject("prod", "backend", "generate") == "prod_backend.generate"
