"""Make the JSON schema of the settings file from its model, and from the schema of contexts."""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import msgspec

from tests.docs.documents import REFERENCE
from tui.actions import REBINDABLE
from tui.config.preferences import COLUMNS, DASHBOARD, FIELDS, Preferences, TabPreferences
from tui.config.tab_columns import NAMING, TAB_COLUMNS
from tui.config.versions import CONTEXTS, NEWEST, VERSION

SCHEMA = REFERENCE / "settings.schema.json"
OF_CONTEXTS = REFERENCE / "contexts.schema.json"


def settings_schema() -> str:
    """Return the schema's text."""
    contexts = json.loads(OF_CONTEXTS.read_text())
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dyntop's settings.toml",
        "description": "How the dashboard looks, its keys, and the stores that have a name.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            VERSION: {
                "description": "The version of this file's format.",
                "const": NEWEST,
            },
            DASHBOARD: _closed(
                "How the dashboard looks.", {one: _field(Preferences, one) for one in FIELDS}
            ),
            COLUMNS: _closed("The columns of each tab.", {tab: _tab(tab) for tab in TAB_COLUMNS}),
            "keys": _closed(
                "The keys of an action, in place of the usual ones.",
                {action: {"$ref": "#/$defs/keys"} for action in REBINDABLE},
            ),
            CONTEXTS: {
                "description": contexts["description"],
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/context"},
            },
        },
        "$defs": {
            "keys": {
                "description": "A character or a name such as f5 or ctrl+d, or a list of them.",
                "oneOf": [
                    {"type": "string", "minLength": 1},
                    {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
                ],
            },
            **contexts["$defs"],
        },
    }
    return f"{json.dumps(schema, indent=2)}\n"


def _closed(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _field(of: type[msgspec.Struct], name: str) -> dict[str, Any]:
    """Return the schema of a setting: it is left out, but never null."""
    hint = get_type_hints(of, include_extras=True)[name]
    kinds, (meta, *_) = get_args(get_args(hint)[0]), hint.__metadata__
    (kind,) = [one for one in kinds if one is not type(None)]
    return {"description": meta.description, **msgspec.json.schema(kind)}


def _tab(tab: str) -> dict[str, Any]:
    named = {"enum": list(TAB_COLUMNS[tab])}
    return _closed(
        f"The columns of the tab {tab}.",
        {
            "shown": {
                **_field(TabPreferences, "shown"),
                "items": named,
                "uniqueItems": True,
                "contains": {"enum": list(NAMING[tab])},
            },
            "sort": {**_field(TabPreferences, "sort"), **named},
            "reverse": _field(TabPreferences, "reverse"),
        },
    )


if __name__ == "__main__":
    SCHEMA.write_text(settings_schema())
