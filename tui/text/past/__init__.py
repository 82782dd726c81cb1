"""What changed in the past, as text. No Textual in here.

`record_changes` has the fields that differ, in words and as JSON; `typed_time` reads times as users
type them.
"""
