"""Record a discovery plane into a file, and read it again.

`lines` has the format; docs/reference/recordings.md describes it for others.
"""
