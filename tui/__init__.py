"""The dyntop command and its dashboard: one front end for `backends`."""

__version__ = "0.2.0"
