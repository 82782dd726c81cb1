"""Every action of the dashboard: its id, keys, words, and the screens it is on.

Key bindings, the command palette, the help, the footer and the tables of the documents are made
from it. Plain Python, no Textual. Each module uses only modules below it in this list:

    help_text   the lines of the help and of the palette
    keys        the keys of each action: the defaults, or those of the settings file
    table       the table of all actions; a new action is a row in it
    action      the fields of a row
    key_names   spell a key, and parse how a person spells it
"""

from tui.actions.action import Action, Group, Place
from tui.actions.help_text import help_lines, palette_help, shown_keys
from tui.actions.key_names import SENT_AS, SHOWN, parse_key, shown_key
from tui.actions.keys import DEFAULT_KEYS, Keys
from tui.actions.table import ACTIONS, BY_ID, REBINDABLE

__all__ = [
    "ACTIONS",
    "BY_ID",
    "DEFAULT_KEYS",
    "REBINDABLE",
    "SENT_AS",
    "SHOWN",
    "Action",
    "Group",
    "Keys",
    "Place",
    "help_lines",
    "palette_help",
    "parse_key",
    "shown_key",
    "shown_keys",
]
