"""The commands for scripts, one a file. Standard output has the data only."""
