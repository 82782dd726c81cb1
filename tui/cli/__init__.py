"""The command line: `main` is the entry point, `commands` has one module for each command."""
