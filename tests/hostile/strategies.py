"""What harms, as hypothesis puts it together: pieces of the corpus in every place, and nonsense."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.hostile.corpus import BODIES, KEYS, LONG, NUMBERS, OTHERS, TEXTS, VALUES
from tests.support.strategies import raw_keys, raw_values

_short_texts = st.sampled_from([text for text in TEXTS.values() if len(text) < LONG])
any_text = st.text(st.characters(exclude_categories=()), max_size=20)
"""Lone surrogates and unassigned characters too."""

texts = st.one_of(
    _short_texts,
    any_text,
    st.lists(_short_texts | any_text, max_size=3).map("".join),
)

_ends = st.sampled_from([b"", b"/1", b"/01", b"/AB", b"/", b"/\xff", b"/x/1"])
keys = st.one_of(
    raw_keys,
    st.sampled_from([key for key in KEYS.values() if len(key) < LONG]),
    st.builds(
        lambda bucket, names, end: bucket + "/".join(names).encode("utf-8", "surrogatepass") + end,
        st.sampled_from([b"v1/instances/", b"v1/mdc/", b"v1/event_channels/", b"instances/"]),
        st.lists(texts, max_size=4),
        _ends,
    ),
)
"""Keys below what dyntop reads."""

_odd: st.SearchStrategy[Any] = st.sampled_from(list(OTHERS.values())) | texts | st.integers()
_marked = st.builds(
    lambda body, changes: json.dumps(body | changes),
    st.sampled_from(list(BODIES.values())),
    st.dictionaries(
        st.sampled_from(sorted({name for body in BODIES.values() for name in body})) | texts,
        _odd | st.just("<HERE>") | st.dictionaries(texts, _odd, max_size=2),
        max_size=4,
    ),
)
values = st.one_of(
    raw_values,
    st.sampled_from([value for value in VALUES.values() if len(value) < LONG]),
    st.builds(
        lambda body, number: body.encode().replace(b'"<HERE>"', number),
        _marked,
        st.sampled_from(list(NUMBERS.values())),
    ),
    st.builds(lambda body, end: body.encode()[:end], _marked, st.integers(0, 200)),
)
"""Nearly what Dynamo writes, and bytes."""
