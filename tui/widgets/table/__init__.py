"""The table that draws the rows of all panes."""
