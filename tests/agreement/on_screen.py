"""Read all that the dashboard states, in every place of the tree and every tab."""

from __future__ import annotations

import re

from backends.dynamo.ids import Kind
from backends.liveness.judge import Verdict
from tests.agreement.in_details import read_details, read_question
from tests.agreement.in_tabs import READ
from tests.agreement.statements import Statements
from tests.agreement.wordings import (
    state_stated,
    timeless,
    to_int,
)
from tests.support.operating import Operator
from tui.dialogs.clean_up import CleanUpScreen
from tui.state.overview.calm import not_known_yet
from tui.state.overview.contents import OverviewContents
from tui.state.overview.model_lines import ModelLine
from tui.state.overview.wrong_lines import WrongKind, WrongLine
from tui.text.serving import NOT_SERVED

TABS = ("instances", "models", "workers", "channels", "others")

ENDPOINT = 3
"""Names of an endpoint's place."""
ENDPOINTS_LEFT_OUT = 5
"""Of so many, one is looked at: there is one for each rank."""


async def read_dashboard(operator: Operator, said: Statements, *, places: int = 0) -> None:
    """Everything on the main screen, in each place of the tree and in each tab, with details.

    `places`: how many places at most; 0: all.
    """
    for scope in (await _scopes(operator))[: places or None]:
        await _go_to(operator, scope)
        _read_place(operator, said, scope, narrowed=False)
    await _go_to(operator, ())
    for tab in TABS:
        if await opened(operator, tab):
            read_details(operator, said, tab)


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
        if not await opened(operator, tab):
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
                read_question(operator, said)
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
    said.add(("stale",), to_int(number[1]) if number else 0, "the title of clean up")
    table = screen._table
    undecided = [record for record in table.rows if record.key not in table.may_tick]
    said.add(("stale",), len(table.rows) - len(undecided), "the rows of clean up")
    summary = str(screen.query_one(".dialog--summary").render())
    told = re.match(r"([\d,]+) keys? (?:is|are) undecided", summary)
    said.add(("undecided",), to_int(told[1]) if told else 0, "the summary of clean up")
    said.add(("undecided",), len(undecided), "the rows of clean up")
    for record in table.rows:
        said.add(("stale", record.key), record.key in table.may_tick, "clean up")
        cells = {column.id: column.cell_of(record).text for column in table.columns}
        state_stated(said, record.key, cells["state"], "clean up")
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
        READ[tab](pane, said, place, narrowed)
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
            findings += to_int(texts["keys"] or "0")
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


async def opened(operator: Operator, tab: str) -> bool:
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
        said.add((noun + "s",), to_int(found[1]) if found else 0, "the header")
    if found := re.search(r"([\d,]+) of ([\d,]+) models?(, [^,]+ LoRAs?)? not served", header):
        said.add(("models not served",), to_int(found[1]), "the header")
        said.add(("models",), to_int(found[2]), "the header")
    else:
        found = re.search(r"([\d,]+) models?\b", header)
        assert found, header
        said.add(("models not served",), 0, "the header")
        said.add(("models",), to_int(found[1]), "the header")
    loras = re.search(r"([\d,]+) of [\d,]+ LoRAs? not served", header)
    said.add(("adapters not served",), to_int(loras[1]) if loras else 0, "the header")


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
    findings = to_int(found[3]) if found[3] else 0
    said.add(("findings", *place), findings, "the tree")
    if found[2] is None:
        # There is no room for it beside the name.
        return
    if narrowed:
        said.add(("matches", *place), to_int(found[2]), "the tree")
        return
    said.add(("workers", *place), to_int(found[2]), "the tree")
    good = to_int(found[1]) if found[1] else to_int(found[2])
    said.add(("workers not live", *place), to_int(found[2]) - good, "the tree")
    if not place:
        named = "all namespaces" if operator.dashboard.settings.namespace is None else "ns "
        said.add(("what the root is",), True, "the settings")
        said.add(("what the root is",), label.startswith(named), "the tree")


def _read_title(operator: Operator, said: Statements, place: tuple[str, ...], tab: str) -> None:
    title = operator.main._tabs.get_tab(f"tab-{tab}").label_text
    found = re.search(r" ([\d,]+)$", title)
    assert found, title
    said.add((tab, *place), to_int(found[1]), "the tab's title")
