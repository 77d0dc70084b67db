"""Tables, migrations, reads as frames, export and import. Knows nobody else.

`open_store` writes, `open_readonly` reads beside a running daemon. Repositories are modules of
functions that take a session first; the caller owns the transaction. Frames for analysts:
`from storage import frames`.
"""

from storage.engine import Store, open_readonly, open_store
from storage.errors import ImportRowError, LockedError, MissingDatabaseError, StorageError

__all__ = [
    "ImportRowError",
    "LockedError",
    "MissingDatabaseError",
    "StorageError",
    "Store",
    "open_readonly",
    "open_store",
]
