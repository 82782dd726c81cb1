"""What a person may mean by a text: ids as keys and logs write them, keys, addresses, names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.dynamo import keys, lookup
from backends.dynamo.lookup import MatchedField
from backends.dynamo.records import AnyRecord
from tests.support import registered
from tests.support.owned import READY, WORKER, owned
from tests.support.registered import record

ID, LEASE = 0x52CBA2252F21FB17, 0x7865A225462BD50A
INSTANCE = record(registered.instance(ID, address="10.1.2.3:9000/52cb/generate"), lease=LEASE)
CARD = record(registered.card(ID, "acme/tiny"), lease=LEASE)
CHANNEL = record(registered.channel(7), lease=LEASE)


def meanings(text: str, one: AnyRecord = INSTANCE, worker: int | None = ID) -> set[MatchedField]:
    return lookup.parse(text).meanings(one, worker)


@given(st.integers(0, lookup.LARGEST_ID), st.sampled_from(["{:x}", "{:X}", "0x{:x}", "0X{:016X}"]))
def test_an_id_in_hex_is_one_of_its_readings(number: int, spelling: str) -> None:
    assert number in lookup.ids_of(spelling.format(number))
    assert number in lookup.ids_of(f'"instance_id={spelling.format(number)}",')


@given(st.integers(0, lookup.LARGEST_ID))
def test_a_decimal_is_both_where_it_can_be(number: int) -> None:
    read = lookup.ids_of(str(number))
    assert number in read
    assert set(read) <= {number, int(str(number), 16)}
    assert lookup.ids_of(f"worker_id: {number}") == read


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("10", (0x10, 10)),
        ("0x10", (0x10,)),
        ("1a", (0x1A,)),
        ("5966040411970599703", (ID,)),
        ("18446744073709551616", ()),
        ("11112222333344445", (11112222333344445,)),
        ("g1", ()),
        ("", ()),
        ("-1", ()),
        ("٣", ()),
        ("instance_id=", ()),
    ],
)
def test_what_is_no_id_is_none(text: str, ids: tuple[int, ...]) -> None:
    assert lookup.ids_of(text) == ids


@pytest.mark.parametrize("spelling", ["{}", "{:x}", "0x{:x}"])
@pytest.mark.parametrize(
    "around",
    [
        *("Some({})", "InstanceId({})", "[{}]", "[{}].", "({}),", "{}.", "instance_id=Some({})"),
        *('"worker_id": [{}],', "{{{}}}"),
    ],
)
def test_an_id_is_found_in_what_logs_put_around_it(around: str, spelling: str) -> None:
    text = around.format(spelling.format(ID))
    assert ID in lookup.ids_of(text)
    assert meanings(text) == {MatchedField.ID}
    searched = f"\n{lookup.searchable_id(ID)}\n"
    assert lookup.is_in(map(lookup.needles, lookup.words(text)), searched)


@pytest.mark.parametrize("host", ["[fd00::1]:9", "fd00::1", "cafe", "10.1.2.3", "a.b."])
def test_an_address_is_no_id_in_brackets(host: str) -> None:
    assert lookup.parse(host).text == host


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = lookup.parse(text)
    found.meanings(INSTANCE, None)
    lookup.needles(text)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("52cba2252f21fb17", MatchedField.ID),
        ("5966040411970599703", MatchedField.ID),
        ("7865a225462bd50a", MatchedField.ID),
        (keys.spell(INSTANCE.key), MatchedField.KEY),
        ("prod/backend/generate/52cba2252f21fb17", MatchedField.KEY),
        ("10.1.2.3:9000", MatchedField.ADDRESS),
        ("tcp://10.1.2.3:9000", MatchedField.ADDRESS),
        ("10.1.2.3", MatchedField.HOST),
        ("prod/backend/generate", MatchedField.PATH),
    ],
)
def test_a_text_names_what_it_is_of(text: str, meaning: MatchedField) -> None:
    assert meanings(text) == {meaning}


def test_a_card_is_named_by_its_model_and_a_channel_by_its_worker() -> None:
    assert meanings("Acme/Tiny", CARD) == {MatchedField.MODEL}
    assert meanings("52cba2252f21fb17", CHANNEL) == {MatchedField.ID}
    assert meanings("7", CHANNEL) == {MatchedField.ID}
    assert meanings("10.1.2.3", CHANNEL) == set()


@pytest.mark.parametrize("text", ["52cba2252f21fb1", "10.1.2.30", "1.2.3", "prod", "9000", "acme"])
def test_a_part_of_it_names_nothing(text: str) -> None:
    for one in (INSTANCE, CARD, CHANNEL):
        assert meanings(text, one) == set()


@pytest.mark.parametrize("spelling", ["{}", "{:x}", "0x{:X}", "instance_id={}"])
def test_a_record_is_named_by_the_id_in_its_body_where_clients_route_by_that(spelling: str) -> None:
    key, value = registered.instance(ID)
    other = key.replace(b"/%x" % ID, b"/1a2b")
    one = record((other, value))
    assert one.conflict is not None
    assert meanings(spelling.format(ID), one, None) == {MatchedField.ID}
    assert meanings("1a2b", one, None) == {MatchedField.ID}
    odd = record((key.replace(b"/%x" % ID, b"/0%x" % ID), value))
    assert odd.malformed is not None
    assert meanings(spelling.format(ID), odd, None) == {MatchedField.ID}


@pytest.mark.parametrize("value", [b"{", b"[]", b"[" * 100_000, b'{"instance_id": -1}', b"\xff"])
def test_a_body_that_cannot_be_read_names_no_id(value: bytes) -> None:
    key, _ = registered.instance(ID)
    assert lookup.id_in_body(record((key, value))) is None


def test_an_adapter_is_named_by_its_slug_as_keys_and_logs_have_it() -> None:
    adapter = record(registered.card(ID, "acme/tiny", "acme/SQL-Adapter_v2"))
    assert MatchedField.MODEL in meanings("acme_sql-adapter_v2", adapter)
    assert MatchedField.MODEL in meanings("acme/SQL-Adapter_v2", adapter)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("prod-backend-worker-0", MatchedField.ADDRESS),
        ("dynamo/prod-backend-worker-0", MatchedField.ADDRESS),
        ("node-a", MatchedField.HOST),
    ],
)
def test_in_kubernetes_a_worker_is_found_by_its_pod_its_object_and_its_node(
    text: str, meaning: MatchedField
) -> None:
    one = owned(registered.instance(WORKER))
    assert meanings(text, one, WORKER) == {meaning}
    assert meanings(text[:-1], one, WORKER) == set()


def test_a_worker_on_no_known_node_is_not_found_by_an_empty_name() -> None:
    one = owned(registered.instance(WORKER), replace(READY, node="", pod_name=""))
    assert meanings("", one, WORKER) == set()


@pytest.mark.parametrize("name", ["acme (v2)", "(acme)", "'acme'", " acme ", "id: acme", '"', "`"])
def test_a_name_with_quotes_or_blanks_at_its_ends_is_found_as_it_is(name: str) -> None:
    card = record(registered.card(ID, name))
    assert MatchedField.MODEL in meanings(name, card)
    assert MatchedField.MODEL in meanings(name.upper(), card)
    assert MatchedField.MODEL not in meanings("acme", card)


def test_a_text_with_nothing_but_quotes_means_no_record_without_names() -> None:
    assert meanings('""', record((b"v1/other", b"{}")), None) == set()
