"""What details and questions state of a row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from backends.dynamo import keys
from backends.dynamo.records import AnyRecord, ModelCard
from tests.agreement.statements import Statements
from tests.agreement.wordings import (
    BY_READINESS,
    BY_WORD,
    figures,
    short_age,
    state_stated,
    timeless,
    to_int,
    undated,
    worker_named,
)
from tests.support.operating import Operator
from tui.dialogs.unregister import UnregisterDialog
from tui.widgets.detail_pane import DetailPane
from tui.widgets.panes.pane import Pane


def read_details(operator: Operator, said: Statements, tab: str) -> None:
    """Of each row of the open tab."""
    pane = operator.pane
    for index, row in enumerate(pane.rows):
        if pane.is_faded(row):
            continue
        pane.table.move_to(index)
        operator.main._show_detail()
        shown = operator.main.query_one(DetailPane)._shown
        if shown is None:
            # Of a model of which only adapters are registered there is none.
            continue
        where = f"the detail in {tab}"
        if tab == "workers":
            read_worker_fields(said, row.worker.id, shown.title, shown.fields, where)
            _leases(said, row.worker.records[0].lease, shown.fields, where)
            continue
        if tab == "models" and row.kind != "card" and pane.records_of(row):
            _read_summary(said, row, shown.title, shown.fields, where)
            continue
        record = pane.detail_record()
        if record is None:
            continue
        read_fields(said, record, shown.title, shown.fields, where)
        _read_reason(said, record, dict(shown.fields), pane, row, where)
        _leases(said, record.lease, shown.fields, where)
        if isinstance(record, ModelCard) and tab == "models" and not record.is_lora:
            texts = dict(shown.fields)
            if routable := re.search(r"its model: routable (.*?):", texts.get("serving", "")):
                said.add(("routable", row.key[0]), figures(routable[1]), where)


def _read_summary(
    said: Statements, row: Any, title: str, fields: tuple[tuple[str, str], ...], where: str
) -> None:
    """The detail of a model or adapter: its figures, and the state of each of its cards."""
    roles = [text for _, text in fields if re.match(r"\S+ routable\b", text)]
    stated = title if title.endswith(" routable") or len(roles) != 1 else roles[0]
    found = re.search(r"(?:  |^)(\S+) routable\b", stated)
    if row.kind == "model" and found:
        said.add(("routable", row.name), found[1], where)
    cards: dict[tuple[str, str], list[bytes]] = {}
    for card in row.cards:
        cards.setdefault((card.id.path(), f"{card.id.instance_id:x}"), []).append(card.key)
    for line in _list_of(fields, "workers"):
        number, *_, state, path = re.split(r" {2,}", line.strip())
        # Objects of one name in two namespaces of Kubernetes are one worker.
        if len(keys_of := cards.get((path, number), [])) == 1:
            said.add(("verdict", keys_of[0]), BY_WORD[state[2:]].value, where)


def _read_reason(
    said: Statements,
    record: AnyRecord,
    texts: dict[str, str],
    pane: Pane[Any],
    row: Any,
    where: str,
) -> None:
    """The reason in a row is in words of the evidence that decides its verdict."""
    reason = pane.states.reason(record)
    is_live = texts["state"].startswith("live")
    said.add(("has a reason", record.key), not is_live, where)
    said.add(("has a reason", record.key), bool(reason), "the row")
    evidence = iter(re.findall(r"[^\s:;,()]+", texts.get("evidence", "")))
    missing = [word for word in re.findall(r"[^\s:;,()]+", reason) if word not in evidence]
    said.add(("words of its reason that no evidence has", record.key), (), where)
    said.add(("words of its reason that no evidence has", record.key), tuple(missing), "the row")
    if getattr(row, "kind", "card") == "card":
        cells = {column.id: column.cell_of(row).text for column in pane.table.columns}
        if "why" in cells and not is_live:
            said.add(("reason", record.key), cells["why"], where)


def read_fields(
    said: Statements,
    record: AnyRecord,
    title: str,
    fields: tuple[tuple[str, str], ...],
    where: str,
) -> None:
    """The detail of one key."""
    texts = dict(fields)
    said.add(("key", record.key), keys.spell(record.key), where)
    said.add(("key", record.key), texts["key"], where)
    state_stated(said, record.key, title.partition("  ")[0], where)
    said.add(
        ("verdict", record.key), BY_WORD[texts["state"].partition(":")[0]].value, f"{where}, state"
    )
    said.add(("worker", record.key), worker_named(texts["worker"].partition("  ")[0]), where)
    if "seen" in texts:
        said.add(("age", record.key), short_age(texts["seen"]), where)
    if "object" in texts:
        _read_object(said, record.key, texts, where)
    if "evidence" in texts:
        said.add(("evidence", record.key), timeless(undated(texts["evidence"])), where)
        evidence = _list_of(fields, "evidence")
        also = re.search(r"also has .*?([\d,]+) instance", texts.get("worker", ""))
        none = any("has no instance" in one for one in evidence)
        if also or none:
            said.add(("has an instance", record.key), also is not None, where + ", worker")
            said.add(("has an instance", record.key), not none, where + ", evidence")


def _read_object(said: Statements, key: bytes, texts: Mapping[str, str], where: str) -> None:
    """What a detail says of the object of a key, its pod and its container."""
    first = {label: text.partition("  ")[0] for label, text in texts.items()}
    said.add(("object of", key), first["object"], where)
    said.add(("readiness of", key), BY_READINESS[first["ready"]].value, where)
    pod = None if first["pod"].startswith("none: ") else first["pod"]
    said.add(("pod of", key), pod, where)
    said.add(("node of", key), first.get("node"), where)
    started = None
    if "container" in texts:
        found = re.search(r"  ([\d,]+) restarts?", texts["container"])
        started = to_int(found[1]) if found else 0
    said.add(("starts of the container of", key), started, where)


def read_worker_fields(
    said: Statements,
    worker: int,
    title: str,
    fields: tuple[tuple[str, str], ...],
    where: str,
) -> None:
    """The detail of one worker."""
    said.add(("worst of", worker), title[0], where)
    registered = _list_of(fields, "registered")
    signs = sorted(one[0] for one in registered if not one.startswith("…"))
    said.add(("signs of", worker), "".join(signs), where)


def _list_of(fields: tuple[tuple[str, str], ...], label: str) -> list[str]:
    """The texts of a field that has several lines."""
    found: list[str] = []
    inside = False
    for name, text in fields:
        inside = name == label or (inside and name == " ")
        if inside:
            found.append(text)
    return found


def _leases(
    said: Statements, lease: int | None, fields: tuple[tuple[str, str], ...], where: str
) -> None:
    """How long a lease has: as the field says, and by the evidence, less the age of its reading."""
    if lease is None:
        return
    texts = dict(fields)
    if found := re.search(r"(\d+) of (\d+) s left", texts.get("lease", "")):
        said.add(("left of", lease), float(found[1]), where)
    for one in _list_of(fields, "evidence"):
        if found := re.search(r"its lease has (\d+) of \d+ s left.*\((?:now|(\d+)s ago)\)$", one):
            said.add(("left of", lease), float(found[1]) - float(found[2] or 0), f"{where}: {one}")


def read_question(operator: Operator, said: Statements) -> None:
    dialog = operator.app.screen
    assert isinstance(dialog, UnregisterDialog)
    targets = dialog.targets
    for index, record in enumerate(targets.records):
        note = dialog._note(index).text
        sign, _, evidence = note.partition("  ")
        state_stated(said, record.key, sign, "the question")
        said.add(("evidence", record.key), timeless(undated(evidence)), "the question")
        known = dialog._known()[index][1]
        said.add(("age", record.key), short_age(known.partition(", seen ")[2]), "the question")
    number = len(targets.records)
    title = str(dialog.query_one(".dialog--title").render())
    in_title = sum(to_int(one) for one in re.findall(r"([\d,]*\d) ", title))
    said.add(("asked about", title), number, "the list of keys")
    said.add(("asked about", title), in_title, "the title")
