"""Each widget of a new screen is styled once, and as if it had been styled again."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.widget import Widget

from tests.support.operating import Operator, dashboard


@pytest.mark.parametrize("size", [(120, 40), (60, 20)])
async def test_a_new_screen_styles_its_widgets_once(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    styled: Counter[DOMNode] = Counter()
    apply = Stylesheet.apply

    def counting(sheet: Stylesheet, node: DOMNode, **options: object) -> None:
        styled[node] += 1
        apply(sheet, node, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Stylesheet, "apply", counting)
    async with dashboard(size=size) as operator:
        widgets = [*operator.app.screen.walk_children(Widget)]
        again = [widget for widget in widgets if styled[widget] > 1]
    # Those that are hidden or shown, or have the focus, since they were mounted.
    assert len(again) <= 4 < len(widgets)


@pytest.mark.parametrize("key", ["", "question_mark", "ctrl+p"])
@pytest.mark.parametrize("size", [(120, 40), (60, 20)])
async def test_styling_a_new_screen_again_changes_nothing(size: tuple[int, int], key: str) -> None:
    async with dashboard(size=size) as operator:
        if key:
            await operator.press(key)
        before = styles_of(operator)
        operator.app.screen.update_node_styles(animate=False)
        await operator.pilot.pause()
        assert styles_of(operator) == before


def styles_of(operator: Operator) -> dict[DOMNode, str]:
    screen = operator.app.screen
    return {node: node.styles.css for node in [screen, *screen.walk_children(Widget)]}
