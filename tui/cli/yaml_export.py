"""The objects of `tui.text.json_export` as YAML, for people and for tools that read YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

NOT_A_TEXT = re.compile(r"[-+.0-9].*|y|n|yes|no|on|off|true|false|null", re.IGNORECASE | re.DOTALL)
"""What some reader of YAML takes for a number, a date, a truth value or nothing: what PyYAML leaves
without quotes is only what it reads as a text itself, and YAML 1.2 has `7e12` for a number."""

WIDEST = 1 << 30
"""Columns of a line, more than any text has: a folded text is harder to search."""


def yaml_list(objects: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a YAML list of JSON objects, as they are consumed.

    Loading it gives what loading the JSON gives. Texts that YAML would read as something else
    (numbers, dates, `yes`) are quoted. ASCII only, as JSON is.
    """
    # Imported here: no other output needs it. Without libyaml it takes five times as long.
    import yaml

    dumper = _dumper(yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper)
    empty = True
    for one in objects:
        empty = False
        # Lists with one item, one below the other, are one list.
        item = [json.loads(one)]
        text: str = yaml.dump(
            item, Dumper=dumper, default_flow_style=False, sort_keys=False, width=WIDEST
        )
        yield text.removesuffix("\n")
    if empty:
        yield "[]"


def _dumper(base: type[Any]) -> type[Any]:
    """Return a dumper that writes each value out, and does not refer to an equal one."""

    def text(dumper: Any, value: str) -> Any:
        style = "'" if NOT_A_TEXT.fullmatch(value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    made: Any = type("Dumper", (base,), {"ignore_aliases": lambda _, value: True})
    made.add_representer(str, text)
    return cast("type[Any]", made)
