"""The dyntop command and its dashboard: one front end for `backends`."""

__version__ = "0.1.0"
