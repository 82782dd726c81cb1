"""The full screens: main, tap, detail, help."""
