"""The commands for scripts, one a file. Standard output has the data only.

What several commands share is in `tui.cli.shared`.
"""
