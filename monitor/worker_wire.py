"""What the daemon and its parser send each other: a kind, a length, the content."""

from __future__ import annotations

import struct

HEAD = struct.Struct("!cQ")
# To the child: a pickled (source, page). From the child: first that it begins, then one of these.
STARTED, BATCH, REFUSED, BROKEN, OUT_OF_MEMORY, CANNOT_LOAD = b"S", b"B", b"R", b"X", b"M", b"L"


def framed(kind: bytes, content: bytes) -> bytes:
    """Return one message as it goes over the wire."""
    return HEAD.pack(kind, len(content)) + content
