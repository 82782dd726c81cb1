"""The full screens: main, tap, detail. Help is in `tui/dialogs`."""
