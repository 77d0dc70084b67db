"""What a person asks of the store, as plain data: the command line renders it, `--json` dumps it.

Instants are aware UTC, prices probabilities 0..1, changes in percentage points (`_pp`).
"""
