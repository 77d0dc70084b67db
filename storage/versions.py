"""Versioned rows: a change closes the current row and adds one; an equal value writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, select

from storage.columns import dump_json
from storage.instants import to_ms

Row = TypeVar("Row", bound=SQLModel)


def put(
    session: Session,
    model: type[Row],
    *,
    key: Mapping[str, Any],
    values: Mapping[str, Any],
    known_from: datetime,
) -> tuple[Row, bool]:
    """Return the current row of `key` holding `values`, and whether a version was added."""
    current = current_row(session, model, key)
    if current is not None:
        return put_over(session, model, current, key=key, values=values, known_from=known_from)
    row = model(**key, **values, known_from=known_from)
    session.add(row)
    session.flush()
    return row, True


def put_over(
    session: Session,
    model: type[Row],
    current: Row,
    *,
    key: Mapping[str, Any],
    values: Mapping[str, Any],
    known_from: datetime,
) -> tuple[Row, bool]:
    """Return the row that holds `values` after the `current` one of `key`, as `put` does."""
    if _equal(current, values):
        return current, False
    if _began_at(current, known_from):
        # Of two versions from one instant nobody could have known the first.
        return _amend(session, current, values), True
    close(session, current, at=known_from)
    row = model(**key, **values, known_from=known_from)
    session.add(row)
    session.flush()
    return row, True


def current_row(session: Session, model: type[Row], key: Mapping[str, Any]) -> Row | None:
    """Return the row of `key` whose `known_to` is empty; None when there is none."""
    query = select(model).where(getattr(model, "known_to").is_(None))  # noqa: B009
    for name, value in key.items():
        query = query.where(getattr(model, name) == value)
    return session.exec(query).first()


def close(session: Session, row: SQLModel, *, at: datetime) -> None:
    """End a version at `at`; one that only began then is deleted, nobody could have known it."""
    if _began_at(row, at):
        session.delete(row)
    else:
        setattr(row, "known_to", at)  # noqa: B010
        session.add(row)
    session.flush()


def known_at(model: type[Row], instant: datetime) -> Any:
    """Return the condition that keeps the versions known at `instant`."""
    known_from, known_to = getattr(model, "known_from"), getattr(model, "known_to")  # noqa: B009
    return (known_from <= instant) & (known_to.is_(None) | (known_to > instant))


def _began_at(row: SQLModel, instant: datetime) -> bool:
    # A stored instant has lost its microseconds, a row of this session may still have them.
    return to_ms(getattr(row, "known_from")) >= to_ms(instant)  # noqa: B009


def _amend(session: Session, row: Row, values: Mapping[str, Any]) -> Row:
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    return row


def _equal(row: SQLModel, values: Mapping[str, Any]) -> bool:
    return all(_same(getattr(row, name), value) for name, value in values.items())


def _same(stored: Any, given: Any) -> bool:
    # 1 == 1.0, which a column of floats gives back; JSON text, because a tuple comes back a list.
    return bool(stored == given) or dump_json(stored) == dump_json(given)
