"""Causes of events, in words: what happened, to which process, and why. Untrusted text is not
escaped yet.

Each module uses only modules below it in this list:

    cause_detail  all that is known of one cause
    sentences     one cause in a line, whole or by column
"""
