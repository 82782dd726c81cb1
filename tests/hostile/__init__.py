"""Input that means harm: everything in a store, and what servers say, is written by somebody else.

`corpus.py` has it by hand and `strategies.py` by hypothesis. Each test holds one border: the
dashboard, the commands' output, the audit, the clipboard, the file system.
"""
