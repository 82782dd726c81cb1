"""The tabs, one a module."""
