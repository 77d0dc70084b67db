"""Text, arrays and frames in, values out: no I/O, no clock, no knowledge of storage."""
