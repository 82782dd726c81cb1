"""What is stated of each fact, and where: read from every place of the dashboard and from what the
commands print, so that all statements about one fact can be held against each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from backends.dynamo import keys
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.judge import Verdict
from tests.support.operating import Operator
from tui.dialogs.clean_up import CleanUpScreen
from tui.dialogs.unregister import UnregisterDialog
from tui.state.overview.calm import not_known_yet
from tui.state.overview.contents import OverviewContents
from tui.state.overview.model_lines import ModelLine
from tui.state.overview.wrong_lines import WrongKind, WrongLine
from tui.text.format import NOTHING, STATES
from tui.text.owner import READINESS
from tui.text.serving import NOT_SERVED
from tui.widgets.detail_pane import DetailPane
from tui.widgets.panes.pane import Pane

Fact = tuple[Hashable, ...]
"""Of what, and of which one of it: `("verdict", key)`."""

TABS = ("instances", "models", "workers", "channels", "others")

ENDPOINT = 3
"""Names of an endpoint's place."""
ENDPOINTS_LEFT_OUT = 5
"""Of so many, one is looked at: there is one for each rank."""

TOLERANCE = 1.0
"""Seconds by which two statements of a time may differ: each is rounded on its own."""

BY_WORD = {state.word: verdict for verdict, state in STATES.items()}
BY_WORD |= {state.brief: verdict for verdict, state in STATES.items() if state.brief}
BY_READINESS = {words: readiness for readiness, words in READINESS.items()}
FINDING = {state.glyph for verdict, state in STATES.items()} - {
    STATES[Verdict.LIVE].glyph,
    STATES[Verdict.UNKNOWN].glyph,
}


@dataclass
class Statements:
    """All that is stated of each fact, with the places that state it."""

    of: dict[Fact, list[tuple[Any, str]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, fact: Fact, value: Any, where: str) -> None:
        self.of[fact].append((value, where))

    def disagreements(self) -> list[str]:
        """A line for each fact of which not all statements agree."""
        return [
            f"{' '.join(map(str, fact))}: "
            + ", ".join(f"{where} says {value}" for value, where in dict.fromkeys(stated))
            for fact, stated in self.of.items()
            if not _agree([value for value, _ in stated])
        ]

    def places(self, kind: str) -> set[str]:
        """Where facts of a kind are stated."""
        return {where for fact, stated in self.of.items() if fact[0] == kind for _, where in stated}


def _agree(values: list[object]) -> bool:
    times = [value for value in values if isinstance(value, float)]
    if len(times) == len(values):
        return max(times) - min(times) <= TOLERANCE
    return len(values) == values.count(values[0])


# --- the dashboard ------------------------------------------------------------------------------


async def read_dashboard(operator: Operator, said: Statements, *, places: int = 0) -> None:
    """Everything on the main screen, in each place of the tree and in each tab, with details.

    `places`: how many places at most; 0: all.
    """
    for scope in (await _scopes(operator))[: places or None]:
        await _go_to(operator, scope)
        _read_place(operator, said, scope, narrowed=False)
    await _go_to(operator, ())
    for tab in TABS:
        if await _opened(operator, tab):
            _read_details(operator, said, tab)


async def read_narrowed(operator: Operator, said: Statements, view: str) -> None:
    """What is left by a filter, in each namespace."""
    scopes = await _scopes(operator)
    for scope in [one for one in scopes if len(one) <= 1]:
        await _go_to(operator, scope)
        _read_place(operator, said, (view, *scope), narrowed=True)
    await _go_to(operator, ())


async def read_questions(operator: Operator, said: Statements) -> None:
    """The question before a row of each kind and state is removed."""
    for tab in TABS:
        if not await _opened(operator, tab):
            continue
        pane, asked = operator.pane, set[object]()
        for index, row in enumerate(pane.rows):
            state = pane.table.columns[0].cell_of(row).text if tab != "models" else row.kind
            if state in asked or pane.is_faded(row):
                continue
            asked.add(state)
            pane.table.move_to(index)
            operator.forget_told()
            await operator.press("d")
            await operator.until(
                lambda: operator.in_dialog or bool(operator.told()), f"an answer to d in {tab}"
            )
            if operator.in_dialog:
                _read_question(operator, said)
                await operator.press("escape")
                await operator.until(lambda: operator.on_main, "no dialog")


async def read_clean_up(operator: Operator, said: Statements) -> None:
    """What `c` proposes, and that it probes everything before."""
    operator.forget_told()
    await operator.press("c")
    await operator.until(
        lambda: isinstance(operator.app.screen, CleanUpScreen) or bool(operator.told()), "an answer"
    )
    screen = operator.app.screen
    if not isinstance(screen, CleanUpScreen):
        said.add(("stale",), 0, "clean up")
        return
    title = str(screen.query_one(".dialog--title").render())
    number = re.search(r"Clean up ([\d,]+) stale", title)
    assert number or title == "Nothing is stale yet.", title
    said.add(("stale",), _int(number[1]) if number else 0, "the title of clean up")
    table = screen._table
    undecided = [record for record in table.rows if record.key not in table.may_tick]
    said.add(("stale",), len(table.rows) - len(undecided), "the rows of clean up")
    summary = str(screen.query_one(".dialog--summary").render())
    told = re.match(r"([\d,]+) keys? (?:is|are) undecided", summary)
    said.add(("undecided",), _int(told[1]) if told else 0, "the summary of clean up")
    said.add(("undecided",), len(undecided), "the rows of clean up")
    for record in table.rows:
        said.add(("stale", record.key), record.key in table.may_tick, "clean up")
        cells = {column.id: column.cell_of(record).text for column in table.columns}
        _state(said, record.key, cells["state"], "clean up")
        evidence = re.sub(r"^decided[^:]*: ", "", cells["evidence"])
        said.add(("evidence", record.key), timeless(evidence), "clean up")
    await operator.press("escape")
    await operator.until(lambda: operator.on_main, "no dialog")


async def _go_to(operator: Operator, scope: tuple[str, ...]) -> None:
    """Select a place, as the cursor in the tree does."""
    operator.tree.select_scope(scope)
    await operator.until(lambda: operator.dashboard.scope == scope, f"{scope} selected")


async def _scopes(operator: Operator) -> list[tuple[str, ...]]:
    operator.tree.root.expand_all()
    await operator.pilot.pause()
    operator.tree.rebuild()
    scopes = sorted(operator.tree._placed, key=lambda scope: (len(scope), scope))
    above = [scope for scope in scopes if len(scope) < ENDPOINT]
    return above + [scope for scope in scopes if len(scope) == ENDPOINT][::ENDPOINTS_LEFT_OUT]


def _read_place(
    operator: Operator, said: Statements, place: tuple[str, ...], *, narrowed: bool
) -> None:
    """Read the tree and all tabs. `place`: what is selected, below how it is narrowed."""
    scope = operator.dashboard.scope
    if not place:
        _read_header(operator, said)
    _read_branch(operator, said, place, scope, narrowed=narrowed)
    for tab in TABS:
        pane = operator.main._tabs.pane(tab)
        # As when its tab is opened.
        pane.rebuild()
        if operator.main._tabs.get_tab(f"tab-{tab}").display:
            _read_title(operator, said, place, tab)
        _READ[tab](pane, said, place, narrowed)
    _read_overview(operator, said, place, narrowed=narrowed)


ALL_LINES = 100_000
"""Room for all that Overview has to say."""


def _read_overview(
    operator: Operator, said: Statements, place: tuple[str, ...], *, narrowed: bool
) -> None:
    """Read all lines of Overview, also those that the screen has no room for."""
    contents = OverviewContents(operator.dashboard)
    contents.rebuild()
    rows = contents.rows(ALL_LINES)
    findings = models = 0
    for row in rows:
        subject, texts = contents.subject(row), {id: one.text for id, one in row.cells.items()}
        if isinstance(subject, WrongLine):
            findings += _int(texts["keys"] or "0")
            is_served = texts["state"] != NOT_SERVED.in_column
            models += subject.id.kind is WrongKind.MODEL and not is_served
            if len(subject.records) == 1 and subject.worker is not None:
                (record,) = subject.records
                said.add(("reason", record.key), texts["why"], "Overview")
        elif isinstance(subject, ModelLine) and not place and not subject.is_part:
            if len(subject.by_role) == 1:
                routable = texts["routable"].partition(" ")[2]
                said.add(("routable", subject.name), routable, "Overview")
            if subject.figures.total:
                said.add(("routable", subject.name), str(subject.figures), "the line of Overview")
    view = operator.dashboard.view
    shown = sum(one in view.shown.records for one in view.verdicts.wrong(operator.dashboard.scope))
    said.add(("findings", *place), findings, "Overview")
    said.add(("findings", *place), shown, "the records shown")
    is_calm = any(
        row.key == "calm" and row.cells["text"].text.startswith("nothing:") for row in rows
    )
    if is_calm:
        said.add(("findings", *place), 0, "the calm line of Overview")
    if not place:
        said.add(("models not served",), models, "Overview")
    # Before all leases were read by themselves it is not calm, whatever is judged by now.
    if not narrowed and (is_calm or not_known_yet(operator.dashboard) is None):
        said.add(("is calm", *place), is_calm, "Overview")
        said.add(("is calm", *place), _is_all_live(operator), "the verdicts")


def _is_all_live(operator: Operator) -> bool:
    view, scope = operator.dashboard.view, operator.dashboard.scope
    keys = [key for kind in Kind for key in view.cluster.keys(kind, scope)]
    return bool(keys) and {view.verdicts.of(key) for key in keys} == {Verdict.LIVE}


async def _opened(operator: Operator, tab: str) -> bool:
    """Whether a tab is there; it is open then."""
    tabs = operator.main._tabs
    pane = tabs.pane(tab)
    if not tabs.get_tab(f"tab-{tab}").display:
        return False
    await operator.open(tab)
    await operator.until(lambda: operator.tab() == tab, tab)
    await operator.until(lambda: operator.app.focused is pane.table, f"{tab} in focus")
    return True


def _read_header(operator: Operator, said: Statements) -> None:
    header = operator.header()
    for noun in ("finding", "instance", "worker", "channel"):
        found = re.search(rf"([\d,]+) {noun}s?\b", header)
        assert found or noun == "finding", header
        said.add((noun + "s",), _int(found[1]) if found else 0, "the header")
    if found := re.search(r"([\d,]+) of ([\d,]+) models?(, [^,]+ LoRAs?)? not served", header):
        said.add(("models not served",), _int(found[1]), "the header")
        said.add(("models",), _int(found[2]), "the header")
    else:
        found = re.search(r"([\d,]+) models?\b", header)
        assert found, header
        said.add(("models not served",), 0, "the header")
        said.add(("models",), _int(found[1]), "the header")
    loras = re.search(r"([\d,]+) of [\d,]+ LoRAs? not served", header)
    said.add(("adapters not served",), _int(loras[1]) if loras else 0, "the header")


def _read_branch(
    operator: Operator,
    said: Statements,
    place: tuple[str, ...],
    scope: tuple[str, ...],
    *,
    narrowed: bool,
) -> None:
    """`prod 4/6 !3`: six workers, two of them not live, three findings."""
    label = str(operator.tree._placed[scope].label)
    found = re.search(r"(?: (?:([\d,]+)/)?([\d,]+))?(?: !([\d,]+))?$", label)
    assert found, label
    findings = _int(found[3]) if found[3] else 0
    said.add(("findings", *place), findings, "the tree")
    if found[2] is None:
        # There is no room for it beside the name.
        return
    if narrowed:
        said.add(("matches", *place), _int(found[2]), "the tree")
        return
    said.add(("workers", *place), _int(found[2]), "the tree")
    good = _int(found[1]) if found[1] else _int(found[2])
    said.add(("workers not live", *place), _int(found[2]) - good, "the tree")
    if not place:
        named = "all namespaces" if operator.dashboard.settings.namespace is None else "ns "
        said.add(("what the root is",), True, "the settings")
        said.add(("what the root is",), label.startswith(named), "the tree")


def _read_title(operator: Operator, said: Statements, place: tuple[str, ...], tab: str) -> None:
    title = operator.main._tabs.get_tab(f"tab-{tab}").label_text
    found = re.search(r" ([\d,]+)$", title)
    assert found, title
    said.add((tab, *place), _int(found[1]), "the tab's title")


def _rows(pane: Pane[Any]) -> Iterator[tuple[Any, dict[str, str]]]:
    """The rows that are there, each with its texts."""
    for row in pane.rows:
        if not pane.is_faded(row):
            yield row, {column.id: column.cell_of(row).text for column in pane.table.columns}


def _read_instances(
    pane: Pane[Any], said: Statements, place: tuple[str, ...], narrowed: bool
) -> None:
    rows = list(_rows(pane))
    said.add(("instances", *place), len(rows), "rows")
    bad = [record for record, cells in rows if _is_finding(cells["state"])]
    if not narrowed:
        cluster, verdicts = pane.view.cluster, pane.view.verdicts
        none = {*cluster.no_workers(), *verdicts.left_behind}
        said.add(("workers not live", *place), len({*map(cluster.worker_of, bad)} - none), "rows")
    for record, cells in rows:
        _state(said, record.key, cells["state"], "Instances")
        said.add(("age", record.key), cells["seen"], "Instances")
        mark, _, host = cells["host"].rpartition(" ")
        if mark:
            said.add(("restarts", record.key), mark, "Instances")
        said.add(("reason", record.key), cells["why"], "Instances")
        if record.entry.owner is not None:
            said.add(("node of", record.key), _known(host), "Instances")


def _read_models(pane: Any, said: Statements, place: tuple[str, ...], narrowed: bool) -> None:
    # Open all, models first.
    for _ in range(2):
        for row in list(pane.rows):
            if row.opened is False:
                pane.set_open(row, True)
    rows = list(_rows(pane))
    models = [(row, cells) for row, cells in rows if row.kind == "model"]
    said.add(("models", *place), len(models), "rows")
    not_served = 0
    adapters: dict[str, bool] = {}
    for row, cells in rows:
        above = pane.dashboard.scope
        if row.kind == "card":
            _state(said, row.cards[0].key, cells["state"], "Models")
            is_live = cells["state"] == "● live"
            which = "why not routed" if is_live else "reason"
            said.add((which, row.cards[0].key), cells["why"], "Models")
            if row.cards[0].entry.owner is not None:
                said.add(("node of", row.cards[0].key), _known(cells["host"]), "Models")
            continue
        # How a model is served is the same whatever a filter leaves out.
        fact = (row.kind, above, row.key)
        said.add(("routable", *fact), cells["routable"], _view(place, narrowed))
        said.add(("why not", *fact), cells["why"], _view(place, narrowed))
        said.add(("workers of", *fact), cells["workers"], _view(place, narrowed))
        said.add(("state of", *fact), cells["state"], _view(place, narrowed))
        if row.kind == "LoRA" and not pane.is_faded(row):
            # One name may be an adapter of several models.
            served = not cells["routable"].startswith("0/")
            adapters[row.name] = adapters.get(row.name, False) or served
        if row.kind == "model":
            if found := re.match(r"([\d,]+)(?:–[\d,]+)?/([\d,]+)$", cells["routable"]):
                not_served += not _int(found[1])
                said.add(("workers of", *fact), found[2], "ROUTABLE")
            if not above:
                said.add(("routable", row.name), _figures(cells["routable"]), "Models")
    if not place:
        said.add(("models not served",), not_served, "Models")
        alone = sum(not served for served in adapters.values())
        said.add(("adapters not served",), alone, "Models")


def _view(place: tuple[str, ...], narrowed: bool) -> str:
    return f"Models under {place[0]}" if narrowed else "Models"


def _read_workers(
    pane: Pane[Any], said: Statements, place: tuple[str, ...], narrowed: bool
) -> None:
    rows = list(_rows(pane))
    marked = {row.worker.id for row, cells in rows if cells["state"] == "⊘ left behind"}
    roles = {row.worker.id: row.worker.role.value for row, _ in rows}
    are_workers = [one for one, role in roles.items() if role == "worker" and one not in marked]
    said.add(("workers", *place), len(are_workers), "rows")
    for row, cells in rows:
        worker = row.worker.id
        said.add(("left behind", worker), worker in marked, "Workers")
        said.add(("worst of", worker), _glyph(cells["state"]), "Workers")
        first = row.worker.records[0]
        if found := re.match(r"(\d+)/(\d+)s$", cells.get("lease", "")):
            said.add(("left of", first.lease), float(found[1]), "Workers")
        if "pod" in cells:
            started = _known(cells["restarts"])
            said.add(("pod of", first.key), _known(cells["pod"]), "Workers")
            said.add(("node of", first.key), _known(cells["host"]), "Workers")
            said.add(("starts of the container of", first.key), started and int(started), "Workers")
        for record in row.worker.records:
            said.add(("worker", record.key), f"{worker:x}", "Workers")
        cards = [*row.worker.cards, *row.worker.adapters]
        if len(cards) == 1:
            routed = cells["serving"]
            said.add(("is routed", cards[0].key), routed == "serving", "Workers")


def _read_channels(
    pane: Pane[Any], said: Statements, place: tuple[str, ...], narrowed: bool
) -> None:
    rows = list(_rows(pane))
    channels = [row for row, _ in rows if row.record.kind.value == "event_channel"]
    if not narrowed:
        said.add(("channels", *place), len(channels), "rows")
    for row, cells in rows:
        _state(said, row.record.key, cells["state"], "Event channels")
        said.add(("worker", row.record.key), _worker(cells["worker"]), "Event channels")
        said.add(("age", row.record.key), cells["seen"], "Event channels")
        said.add(("reason", row.record.key), cells["why"], "Event channels")


def _read_others(pane: Pane[Any], said: Statements, place: tuple[str, ...], narrowed: bool) -> None:
    rows = list(_rows(pane))
    said.add(("others", *place), len(rows), "rows")
    for record, cells in rows:
        _state(said, record.key, cells["state"], "Other keys")
        said.add(("age", record.key), cells["seen"], "Other keys")


def _read_details(operator: Operator, said: Statements, tab: str) -> None:
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
                said.add(("routable", row.key[0]), _figures(routable[1]), where)


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
    _state(said, record.key, title.partition("  ")[0], where)
    said.add(
        ("verdict", record.key), BY_WORD[texts["state"].partition(":")[0]].value, f"{where}, state"
    )
    said.add(("worker", record.key), _worker(texts["worker"].partition("  ")[0]), where)
    if "seen" in texts:
        said.add(("age", record.key), _short_age(texts["seen"]), where)
    if "object" in texts:
        _read_object(said, record.key, texts, where)
    if "evidence" in texts:
        said.add(("evidence", record.key), timeless(_undated(texts["evidence"])), where)
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
        started = _int(found[1]) if found else 0
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


def _read_question(operator: Operator, said: Statements) -> None:
    dialog = operator.app.screen
    assert isinstance(dialog, UnregisterDialog)
    targets = dialog.targets
    for index, record in enumerate(targets.records):
        note = dialog._note(index).text
        sign, _, evidence = note.partition("  ")
        _state(said, record.key, sign, "the question")
        said.add(("evidence", record.key), timeless(_undated(evidence)), "the question")
        known = dialog._known()[index][1]
        said.add(("age", record.key), _short_age(known.partition(", seen ")[2]), "the question")
    number = len(targets.records)
    title = str(dialog.query_one(".dialog--title").render())
    in_title = sum(_int(one) for one in re.findall(r"([\d,]*\d) ", title))
    said.add(("asked about", title), number, "the list of keys")
    said.add(("asked about", title), in_title, "the title")


_READ: dict[str, Callable[[Pane[Any], Statements, tuple[str, ...], bool], None]] = {
    "instances": _read_instances,
    "models": _read_models,
    "workers": _read_workers,
    "channels": _read_channels,
    "others": _read_others,
}

# --- what all have ------------------------------------------------------------------------------


def _state(said: Statements, key: bytes, text: str, where: str) -> None:
    """`● live`."""
    glyph, _, word = text.partition(" ")
    verdict = BY_WORD[word]
    assert STATES[verdict].glyph == glyph, text
    said.add(("verdict", key), verdict.value, where)


def _is_finding(text: str) -> bool:
    return _glyph(text) in FINDING


def _known(cell: str) -> str | None:
    """What a cell says, if it is known."""
    return None if cell == NOTHING else cell


def _glyph(text: str) -> str:
    return text[0]


def _int(text: str) -> int:
    return int(text.replace(",", ""))


def _worker(text: str) -> str:
    return "unknown" if text.startswith("unknown") else text


def _undated(evidence: str) -> str:
    return re.sub(r" +\((now|\d+[smhd] ago)\)$", "", evidence)


def _short_age(seen: str) -> str:
    """`>4s`, of `for more than 4s`."""
    return seen.removeprefix("for ").replace("more than ", ">")


def _figures(text: str) -> str:
    """`1–2/3` of `1 to 2 of 3`."""
    return text.replace(" to ", "–").replace(" of ", "/")


def timeless(evidence: str) -> str:
    """A sentence without the seconds that go on."""
    evidence = re.sub(r"has \d+ of", "has N of", evidence)
    # A command that looks once knows of nothing for how long it is there.
    evidence = re.sub(r" \(for more than \d+ s\)", "", evidence)
    return re.sub(r"\d+ s ago", "N s ago", evidence)
