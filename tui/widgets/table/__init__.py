"""The table that all panes draw their rows with."""
