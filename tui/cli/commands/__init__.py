"""The commands for scripts, one per file. Standard output has the data only. Steps that several
commands share are in `tui.cli.shared`."""
