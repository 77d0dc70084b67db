"""Which stretches of the past were asked for and stored; what is left to ask is a query."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from storage.models import BackfillChunk


def done_keys(session: Session, source: str) -> set[str]:
    """Return the keys of the chunks of `source` that need not be asked again."""
    return set(session.exec(select(BackfillChunk.key).where(BackfillChunk.source == source)))


def mark_done(
    session: Session,
    source: str,
    key: str,
    *,
    from_at: datetime,
    to_at: datetime,
    rows: int,
    done_at: datetime,
) -> None:
    """Remember that a chunk is stored, beside its rows in the same transaction."""
    session.merge(
        BackfillChunk(
            source=source, key=key, from_at=from_at, to_at=to_at, rows=rows, done_at=done_at
        )
    )
    session.flush()
