"""What happened, by cause, as the dashboard shows it.

Each module uses only modules below it in this list:

    attention      whether a person looks, and what is new for them
    alarm          when to call a person who looks elsewhere
    unseen_causes  what came while nobody looked
    cause_rows     the rows of the tab Events
"""
