"""What must hold after any number of kills, read from the database and the receiver's log."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, field
from operator import add
from pathlib import Path

from sqlmodel import Session, col, select

from storage import delivery_repo, open_readonly
from storage.attempt_repo import INTERRUPTED
from storage.delivery_claim import RETRY, SENT
from storage.instants import to_ms
from storage.models import Alert, Attempt, Delivery, Item, Move, Signal
from tests.torture.newsroom import Published
from tests.torture.receiver import Call, Entry, entries_of

MessageKey = tuple[str, str]


@dataclass
class Counts:
    """What came and went; `repeats` are calls that were taken although one before had been."""

    stories: int = 0
    moves: int = 0
    alerts: int = 0
    messages: int = 0
    calls: int = 0
    refused: int = 0
    interrupted: int = 0
    repeats: int = 0
    unmarked: int = 0
    lost: int = 0
    invented: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*map(add, astuple(self), astuple(other)))


@dataclass
class Ruling:
    """The counts, and every broken promise in words."""

    counts: Counts = field(default_factory=Counts)
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Books:
    """The rows that matter, read once."""

    alerts: Mapping[int, Alert]
    deliveries: Sequence[Delivery]
    attempts: Mapping[tuple[int, str], Sequence[Attempt]]
    guids: Mapping[int, frozenset[str]]
    items: frozenset[str]
    moves: frozenset[str]

    @property
    def messages(self) -> Mapping[MessageKey, list[Delivery]]:
        """Return the deliveries of each message."""
        found: dict[MessageKey, list[Delivery]] = defaultdict(list)
        for row in self.deliveries:
            found[row.channel, row.message_key or f"never tried: {row.alert_id}"].append(row)
        return found


def judge(
    database: Path, stories: Sequence[Published], moves: int, calls: Sequence[Call]
) -> Ruling:
    """Return what is true of a run that is over and whose outbox is empty."""
    ruling = Ruling(Counts(stories=len(stories), moves=moves, calls=len(calls)))
    ruling.findings += _flaws(database)
    books = _read(database)
    ruling.counts.alerts = len(books.alerts)
    ruling.counts.messages = len(books.messages)
    ruling.counts.refused = sum(call.refused for call in calls)
    ruling.findings += _decided(books, stories, moves, ruling.counts)
    ruling.findings += _booked(books, ruling.counts)
    ruling.findings += _arrived(books, calls, ruling.counts)
    return ruling


def unfinished(database: Path, stories: Sequence[Published], moves: int) -> str:
    """Return what is still to be done, in words; empty when nothing is."""
    store = open_readonly(f"sqlite:///{database}")
    try:
        with store.read() as session:
            waiting = delivery_repo.pending_count(session)
            books = _books(session)
    finally:
        store.close()
    told = {
        (alert.rule, guid) for alert in books.alerts.values() for guid in books.guids[_id(alert)]
    }
    untold = sum((rule, story.guid) not in told for story in stories for rule in story.rules)
    unmoved = moves - len(books.moves & _told_moves(books))
    parts = ((waiting, "deliveries"), (untold, "stories"), (unmoved, "moves"))
    return ", ".join(f"{count} {what}" for count, what in parts if count)


def stories_read(database: Path) -> int:
    """Return how many stories the daemon has stored."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT count(DISTINCT guid) FROM item").fetchone()
        return int(found[0])


def _read(database: Path) -> _Books:
    store = open_readonly(f"sqlite:///{database}")
    try:
        with store.read() as session:
            return _books(session)
    finally:
        store.close()


def _books(session: Session) -> _Books:
    alerts = {_id(alert): alert for alert in session.exec(select(Alert)).all()}
    stories = {row.signal_id: row.origin_id for row in session.exec(select(Signal)).all()}
    guids: dict[str, set[str]] = defaultdict(set)
    for item in session.exec(select(Item)).all():
        guids[item.story_id or ""].add(item.guid)
    attempts: dict[tuple[int, str], list[Attempt]] = defaultdict(list)
    for attempt in session.exec(select(Attempt).order_by(col(Attempt.number))).all():
        attempts[attempt.alert_id, attempt.channel].append(attempt)
    moves = session.exec(
        select(Move).where(col(Move.known_to).is_(None), Move.state == "persisted")
    ).all()
    return _Books(
        alerts,
        session.exec(select(Delivery)).all(),
        attempts,
        {
            number: frozenset(
                guid
                for signal_id in alert.signal_ids or ()
                for guid in guids[stories.get(signal_id, "")]
            )
            for number, alert in alerts.items()
        },
        frozenset(guid for found in guids.values() for guid in found),
        frozenset(_move_key(move) for move in moves),
    )


def _flaws(database: Path) -> Iterator[str]:
    """Yield what SQLite itself finds wrong with the file."""
    with closing(sqlite3.connect(database)) as connection:
        checked = connection.execute("PRAGMA integrity_check").fetchall()
        if checked != [("ok",)]:
            yield f"integrity_check says {checked[:3]}"
        if orphans := connection.execute("PRAGMA foreign_key_check").fetchall():
            yield f"foreign_key_check says {orphans[:3]}"


def _decided(
    books: _Books, stories: Sequence[Published], moves: int, counts: Counts
) -> Iterator[str]:
    """Yield what was not decided exactly once: each story by each of its rules, each move."""
    wanted = {(rule, story.guid) for story in stories for rule in story.rules}
    told = Counter(
        (alert.rule, guid) for alert in books.alerts.values() for guid in books.guids[_id(alert)]
    )
    for rule, guid in sorted(wanted - set(told)):
        counts.lost += 1
        was = "was stored and" if guid in books.items else "was never read and"
        yield f"{guid} {was} made no alert of rule {rule}"
    for (rule, guid), times in told.items():
        if (rule, guid) not in wanted or times > 1:
            counts.invented += 1
            yield f"{guid} made {times} alerts of rule {rule}"
    for alert in books.alerts.values():
        if why := (alert.payload or {}).get("suppressed"):
            counts.lost += 1
            yield f"alert {alert.id} of rule {alert.rule} was not told: {why}"
        if len(books.guids[_id(alert)]) != (alert.rule != "jump"):
            yield f"alert {alert.id} of rule {alert.rule} tells {sorted(books.guids[_id(alert)])}"
    yield from _moved(books, moves, counts)


def _moved(books: _Books, moves: int, counts: Counts) -> Iterator[str]:
    told = Counter(key for alert in books.alerts.values() for key in alert.move_ids or ())
    if len(books.moves) != moves:
        yield f"{moves} prices jumped, {len(books.moves)} moves persisted"
    for key in sorted(books.moves - set(told)):
        counts.lost += 1
        yield f"move {key} made no alert"
    for key, times in told.items():
        if key not in books.moves or times > 1:
            counts.invented += 1
            yield f"move {key} is in {times} alerts"


def _booked(books: _Books, counts: Counts) -> Iterator[str]:
    """Yield deliveries that were not sent, and attempts that contradict them or each other."""
    interrupted: set[tuple[str, str, int]] = set()
    for row in books.deliveries:
        where = f"alert {row.alert_id} to {row.channel}"
        tried = books.attempts[row.alert_id, row.channel]
        if row.state != SENT:
            counts.lost += 1
            yield f"{where} is {row.state}: {row.last_error}"
        if [attempt.number for attempt in tried] != list(range(1, row.attempts + 1)):
            yield f"{where} counts {row.attempts} attempts, kept are {_shown(tried)}"
        if [attempt.result for attempt in tried] != [RETRY] * (len(tried) - 1) + [SENT]:
            yield f"{where} has attempts that ended {_shown(tried)}"
        is_doubtful = False
        for attempt in tried:
            if attempt.may_repeat != is_doubtful:
                yield f"{where}: attempt {attempt.number} says may_repeat={attempt.may_repeat}"
            if attempt.error == INTERRUPTED:
                is_doubtful = True
                interrupted.add((row.channel, row.message_key or "", attempt.number))
        if row.maybe_sent != is_doubtful or row.lease_until is not None:
            yield f"{where}: maybe_sent={row.maybe_sent}, lease_until={row.lease_until}"
    counts.interrupted = len(interrupted)
    for key, members in books.messages.items():
        courses = {_shown(books.attempts[row.alert_id, row.channel]) for row in members}
        if len(courses) > 1:
            yield f"the alerts of message {key} have different attempts: {sorted(courses)}"


def _arrived(books: _Books, calls: Sequence[Call], counts: Counts) -> Iterator[str]:
    """Yield what the receiver should have got and did not, and what it got too often."""
    got: dict[MessageKey, list[Call]] = defaultdict(list)
    for call in calls:
        got[call.channel, call.key].append(call)
    for key in sorted(set(got) - set(books.messages)):
        counts.invented += 1
        yield f"the receiver got a message that nobody knows: {key}"
    for key, members in books.messages.items():
        tried = books.attempts[members[0].alert_id, members[0].channel]
        entries = _entries(books, members)
        yield from _one_message(key, entries, tried, got[key], len(members), counts)


def _one_message(
    key: MessageKey,
    entries: tuple[Entry, ...],
    tried: Sequence[Attempt],
    calls: Sequence[Call],
    alerts: int,
    counts: Counts,
) -> Iterator[str]:
    taken = [call for call in calls if not call.refused]
    if not taken:
        counts.lost += alerts
        yield f"message {key} of {alerts} alerts never arrived: {_shown(tried)}"
    if any(call.entries != entries for call in calls):
        yield f"message {key} did not hold the same alerts at each attempt"
    for call in taken[1:]:
        counts.repeats += 1
        if not call.may_repeat:
            counts.unmarked += 1
            yield f"message {key} came again without a word: {_shown(tried)}"
    cut = sum(attempt.error == INTERRUPTED for attempt in tried)
    if len(taken) - 1 > cut:
        yield f"message {key} was taken {len(taken)} times, of its attempts a kill cut {cut}"
    if not len(tried) - cut <= len(calls) <= len(tried):
        yield f"message {key} came {len(calls)} times in attempts {_shown(tried)}"
    if any(not call.answered for call in taken[cut:]) and cut == 0:
        yield f"message {key} was given up without a kill"


def _entries(books: _Books, members: Iterable[Delivery]) -> tuple[Entry, ...]:
    payloads = (books.alerts[row.alert_id].payload or {} for row in members)
    return entries_of(entry for payload in payloads for entry in payload["alerts"])


def _told_moves(books: _Books) -> frozenset[str]:
    return frozenset(key for alert in books.alerts.values() for key in alert.move_ids or ())


def _move_key(move: Move) -> str:
    return f"{move.outcome_id}/{to_ms(move.start_at)}"


def _shown(tried: Sequence[Attempt]) -> str:
    """Return a course of attempts in words, `x` for one that a kill cut."""
    return " ".join(
        f"{attempt.number}:{'x' if attempt.error == INTERRUPTED else attempt.result}"
        for attempt in tried
    )


def _id(alert: Alert) -> int:
    assert alert.id is not None
    return alert.id
