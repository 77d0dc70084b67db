"""The errors of the store, each with a message for the person who runs it."""


class StorageError(Exception):
    """The database could not be opened, migrated, read or written."""


class MissingDatabaseError(StorageError):
    """A command that only reads found no database; it never makes one."""


class LockedError(StorageError):
    """Another instance holds the lock; `holder` names it."""

    def __init__(self, message: str, *, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class ImportRowError(StorageError):
    """A file to import has a row or header that cannot be read; nothing of it was kept."""
