"""The parts of a screen: header, tree, panes, detail, filter, footer."""
