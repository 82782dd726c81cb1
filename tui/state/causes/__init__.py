"""What happened, by cause, as the dashboard shows it.

cause_rows  the rows of the tab Events
"""
