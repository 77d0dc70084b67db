"""Tables, migrations, reads as frames, export and import. Knows nobody else.

`open_store` writes, `open_readonly` reads beside a running daemon, `open_beside` writes a little
there. Repositories are modules of
functions that take a session first; the caller owns the transaction. Frames for analysts:
`from storage import frames`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.errors import ImportRowError, LockedError, MissingDatabaseError, StorageError

if TYPE_CHECKING:
    from storage.engine import Store, open_readonly
    from storage.opening import open_beside, open_store

__all__ = [
    "ImportRowError",
    "LockedError",
    "MissingDatabaseError",
    "StorageError",
    "Store",
    "open_beside",
    "open_readonly",
    "open_store",
]


def __getattr__(name: str) -> Any:
    """Load the database's libraries when a store is first opened, not for `storage.records`."""
    if name in ("open_store", "open_beside"):
        from storage import opening

        return getattr(opening, name)
    if name in ("Store", "open_readonly"):
        from storage import engine

        return getattr(engine, name)
    raise AttributeError(f"module 'storage' has no attribute {name!r}")
