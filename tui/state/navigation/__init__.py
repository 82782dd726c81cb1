"""Where the dashboard is, and the ways from there.

Each module uses only modules below it in this list:

    jumps       from a record to what it belongs to, and back
    go_to       what a line typed after `:` shows
    moments     the revisions and times that may be typed
    breadcrumb  the place, filter and modes that are shown, and what Esc steps out of
"""
