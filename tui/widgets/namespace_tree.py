"""The tree of namespaces, components and endpoints, with the number of live workers and of records
with findings."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.geometry import clamp
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from backends.discovery.record_index import NO_NAMESPACE, RecordIndex, Scope
from backends.dynamo.roles import is_internal
from tui.config.preferences import DASHBOARD, NARROWEST_TREE, WIDEST_TREE
from tui.runtime.textual_bindings import bindings
from tui.runtime.textual_theme import rich_colour
from tui.state.dashboard import Dashboard
from tui.text.sanitize import clip, clip_name

DEPTH = 3
"""Namespace, component, endpoint."""
OPEN_AT_START = 1
"""Nodes of this level and above are open at first."""
GUIDE_CELLS = 2
MOST_BESIDE = 0.4
"""The part of the screen that a chosen width takes at most beside the table."""
MOST_OVER = 0.8
"""The same where the tree lies over the table."""
STEP = 2
"""Cells that a key makes it wider."""
LINES_KEPT = 128
"""Drawn lines in the cache, or as many as fit on the screen."""


class NamespaceTree(Tree[Scope]):
    """Follows the cluster. Nodes below a closed one are built when it is opened."""

    DEFAULT_CSS = """
    NamespaceTree {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        background: $background;
    }
    """

    ACTIONS: ClassVar[dict[str, str]] = {
        "up": "cursor_up",
        "down": "cursor_down",
        "page-up": "page_up",
        "page-down": "page_down",
        "first": "scroll_home",
        "last": "scroll_end",
        "expand": "open(True)",
        "collapse": "open(False)",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    class ScopeSelected(Message):
        """Another place was selected."""

        def __init__(self, scope: Scope) -> None:
            super().__init__()
            self.scope = scope

    def __init__(self, dashboard: Dashboard, *, id: str) -> None:
        super().__init__("", data=(), id=id)
        self.dashboard = dashboard
        self.guide_depth = GUIDE_CELLS
        # A line enters the cache with each number that it shows. Textual keeps 1,024, a bound
        # reached after hours: some 20,000 objects, nearly all of which are never drawn again.
        self._line_cache.maxsize = LINES_KEPT
        self._placed: dict[Scope, TreeNode[Scope]] = {(): self.root}
        self._opened_by_filter: set[Scope] = set()
        self._chosen_width = dashboard.preferences.tree_width
        self._width = 0
        """The width of each line, in cells; Textual computes it at each query."""
        self.root.expand()

    @property
    def _cluster(self) -> RecordIndex:
        return self.dashboard.shown

    def on_mount(self) -> None:
        # Its labels contain colours of the theme.
        self.app.theme_changed_signal.subscribe(self, lambda _: self._relabel_all())

    def on_unmount(self) -> None:
        # Its function refers to this: it would never go.
        self.app.theme_changed_signal.unsubscribe(self)

    @property
    def is_shown(self) -> bool:
        """Return whether it is on screen. In a narrow terminal it lies over the table when
        called."""
        return self.has_class("-called") if self._is_narrow else not self.has_class("-hidden")

    def toggle(self) -> bool:
        """Show or hide it. True: it lies over the table now."""
        self.toggle_class("-called" if self._is_narrow else "-hidden")
        return self.lies_over

    @property
    def lies_over(self) -> bool:
        """Return whether it lies over the table."""
        return self._is_narrow and self.is_shown

    def hide_overlay(self) -> None:
        """Hide it where it lies over the table."""
        self.remove_class("-called")

    @property
    def _is_narrow(self) -> bool:
        """Return whether the table needs the whole width of the terminal."""
        return self.screen.has_class("-narrow") or self.screen.has_class("-normal")

    def rebuild(self) -> None:
        """Show all places anew. Open nodes stay open.

        With a filter, its matches are open down to the endpoints.
        """
        for scope in [scope for scope in self._placed if self._is_folded(scope)]:
            self._drop(scope)
        self.amend(self._placed.keys() | {()})
        if not self.dashboard.view.narrowed:
            for scope in self._opened_by_filter & self._placed.keys():
                self._placed[scope].collapse()
            self._opened_by_filter.clear()
        for scope in sorted(self._placed, key=len):
            self._fill(scope)

    def amend(self, scopes: Iterable[Scope]) -> None:
        """Update these places; others did not change."""
        for scope in sorted(scopes, key=len):
            node = self._placed.get(scope)
            if not self._cluster.has(scope):
                self._drop(scope)
            elif node is not None:
                self._relabel(node, scope)
            elif self._is_folded(scope):
                continue
            elif scope[:-1] in self._placed and self._placed[scope[:-1]].is_expanded:
                self._add(scope)

    def select_scope(self, scope: Scope) -> None:
        """Put the cursor on a place and open its parents. A missing place: the nearest existing
        parent."""
        for depth in range(len(scope)):
            if (above := self._placed.get(scope[:depth])) is not None:
                above.expand()
                self._fill(scope[:depth])
        while scope not in self._placed:
            scope = scope[:-1]
        # Line numbers are computed when they are asked for; before, a new node has none.
        assert self.last_line >= 0
        self.move_cursor(self._placed[scope])

    def on_resize(self) -> None:
        self._width = self.size.width
        self._relabel_all()

    def fit(self) -> None:
        """Take the chosen width, as far as the screen has room. Without one the style sets it."""
        if self._chosen_width is not None:
            self.styles.width = min(self._chosen_width, self._most)

    def take_choices(self) -> None:
        """Take the width that was chosen on another screen."""
        self._chosen_width = self.dashboard.preferences.tree_width
        self.fit()

    def widen(self, steps: int) -> None:
        """Make it wider by so many steps, or narrower, as far as the screen has room, and remember
        the width."""
        # A width that is set is laid out only later, and the next key may come before that.
        before = self.outer_size.width if self._chosen_width is None else self._chosen_width
        width = min(before, self._most) + steps * STEP
        self._chosen_width = clamp(width, NARROWEST_TREE, min(WIDEST_TREE, self._most))
        self.dashboard.choose((DASHBOARD, "tree_width"), self._chosen_width)
        self.fit()

    @property
    def _most(self) -> int:
        part = MOST_OVER if self._is_narrow else MOST_BESIDE
        return max(NARROWEST_TREE, int(self.app.size.width * part))

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Scope]) -> None:
        if event.node.data is not None:
            self._fill(event.node.data)

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[Scope]) -> None:
        event.stop()
        if event.node.data is not None:
            self.post_message(self.ScopeSelected(event.node.data))

    def action_open(self, opened: bool) -> None:
        node = self.cursor_node
        if node is None:
            return
        if opened and node.allow_expand:
            node.expand()
        elif not opened and node.allow_expand and node.is_expanded and not node.is_root:
            node.collapse()
        elif not opened and node.parent is not None:
            self.move_cursor(node.parent)

    def render_label(self, node: TreeNode[Scope], base_style: Style, style: Style) -> Text:
        label = super().render_label(node, base_style, style)
        label.no_wrap = True
        return label

    def _fill(self, scope: Scope) -> None:
        node = self._placed.get(scope)
        if node is None or not node.allow_expand:
            return
        if self.dashboard.view.narrowed and not node.is_expanded:
            self._opened_by_filter.add(scope)
            node.expand()
        if not node.is_expanded:
            return
        for name in self._cluster.children(scope):
            if (*scope, name) not in self._placed and not self._is_folded((*scope, name)):
                self._add((*scope, name))

    def _add(self, scope: Scope) -> None:
        parent = self._placed[scope[:-1]]
        siblings = parent.children
        before = bisect_left(siblings, scope, key=_scope_of)
        leaf = len(scope) == DEPTH
        self._placed[scope] = parent.add(
            self._label(scope),
            data=scope,
            before=before if before < len(siblings) else None,
            expand=len(scope) <= OPEN_AT_START,
            allow_expand=not leaf,
        )
        self._fill(scope)

    def _is_folded(self, scope: Scope) -> bool:
        """Return whether a place is an internal endpoint, which is its worker's."""
        is_endpoint = len(scope) == DEPTH and is_internal(scope[-1])
        return is_endpoint and not self.dashboard.view.has_internal

    def _drop(self, scope: Scope) -> None:
        node = self._placed.get(scope)
        if node is None:
            return
        if node.is_root:
            self._relabel(node, scope)
            return
        selected = self.cursor_node.data if self.cursor_node is not None else None
        self._forget(node)
        node.remove()
        if selected is not None and selected[: len(scope)] == scope:
            # Otherwise the cursor would go to the next line, and the tables would show a place that
            # is gone.
            self.select_scope(scope[:-1])

    def _forget(self, node: TreeNode[Scope]) -> None:
        """Forget the places of a node and of those below it."""
        for child in node.children:
            self._forget(child)
        del self._placed[_scope_of(node)]

    def _relabel_all(self) -> None:
        for scope, node in self._placed.items():
            self._relabel(node, scope)

    def _relabel(self, node: TreeNode[Scope], scope: Scope) -> None:
        label = self._label(scope)
        if node.label != label:
            # `set_label` redraws all nodes below as well: for the root, the whole tree.
            node._label = label
            node._updates += 1
            self._refresh_line(node.line)

    def _label(self, scope: Scope) -> Text:
        count, tone = "", "dim"
        if self.dashboard.complete:
            count, tone = self._count(scope)
        name, cells = self._named(scope), self._width - GUIDE_CELLS * (len(scope) + 1) - 2
        if cell_len(name) > cells - len(count):
            # The count of findings precedes the name.
            count = count.rpartition(" ")[2]
        room = max(4, cells - len(count))
        if scope and cell_len(name) > room:
            self.add_class("-long")
        name = clip_name(name, room) if scope else clip(name, room)
        return Text.assemble(name, (f" {count}" if count else "", tone))

    def _named(self, scope: Scope) -> str:
        if scope:
            return "(no namespace)" if scope == (NO_NAMESPACE,) else scope[-1]
        if self.dashboard.view.narrowed:
            return "matches"
        # With a filter by namespace other namespaces are not watched.
        namespace = self.dashboard.settings.namespace
        return "all namespaces" if namespace is None else f"ns {namespace}"

    def _count(self, scope: Scope) -> tuple[str, str]:
        """Return the number of workers, or of matches, and its tone."""
        states = self.dashboard.states
        findings = states.findings(scope)
        if self.dashboard.view.narrowed:
            count = f"{self._cluster.count_all(scope):,}"
        else:
            live, workers = states.workers(scope)
            # As in kubectl: healthy of all. Of frontends and the like alone there is no number.
            count = f"{workers:,}" if workers or not scope else ""
            if live < workers:
                count = f"{live:,}/{count}"
        # Of all kinds, not of workers alone: a model without one is as bad.
        if findings:
            return f"{count} !{findings:,}".lstrip(), self._warning
        return count, "dim"

    @property
    def _warning(self) -> str:
        return rich_colour(self.app.theme_variables, "text-error") or "bold"


def _scope_of(node: TreeNode[Scope]) -> Scope:
    assert node.data is not None, "each node is a place"
    return node.data
