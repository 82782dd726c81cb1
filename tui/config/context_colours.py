"""The colours that a context may have in the settings file."""

from __future__ import annotations

COLOURS = {
    "red": "#b3261e",
    "orange": "#b25000",
    "yellow": "#f2c037",
    "green": "#1b7a3d",
    "cyan": "#05626b",
    "blue": "#1f5fbf",
    "purple": "#7b3fb5",
    "grey": "#5f6368",
}
"""By name, as `#rrggbb`: on each of them black or white is easily read."""
COLOUR_PATTERN = f"^(?:{'|'.join(COLOURS)}|#[0-9a-fA-F]{{6}})$"
