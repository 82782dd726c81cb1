"""Causes of events, in words: what happened, to which process, and why. Untrusted text is not
escaped yet.

    sentences  one cause in a line, whole or by column
"""
