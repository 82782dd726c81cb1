"""What happened, by cause, as the dashboard shows it.

Each module uses only modules below it in this list:

    cause_rows  the rows of the tab Events
    conditions  the words of a filter that name a time, a kind or a namespace
"""
