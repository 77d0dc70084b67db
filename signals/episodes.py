"""Episodes: signals of one series too close in time to tell their effects apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from signals.prices import HOUR_MS

JOIN_MS = HOUR_MS
MAX_CHAIN_MS = 6 * HOUR_MS

SignalId = int | str


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A signal as episodes see it: its id, t0 in ms, its story, its entities."""

    signal_id: SignalId
    t0: int
    story: str | None = None
    entities: frozenset[str] = frozenset()


def episodes(occurrences: Iterable[Occurrence]) -> dict[SignalId, SignalId]:
    """Return the episode id of every signal of one series: the id of the episode's first signal.

    A signal joins the oldest episode that holds a signal of the same story or of a shared entity
    within 1 h before it, as long as that episode began at most 6 h before; else it opens one.
    Order of the input does not matter (ties by id as text) and a later signal never changes an
    earlier one's episode: two episodes that a third signal would connect stay two.
    """
    running: list[_Episode] = []
    found: dict[SignalId, SignalId] = {}
    for one in sorted(occurrences, key=lambda each: (each.t0, str(each.signal_id))):
        running = [episode for episode in running if one.t0 - episode.began_at <= MAX_CHAIN_MS]
        home = next((episode for episode in running if episode.takes(one)), None)
        if home is None:
            home = _Episode(one.signal_id, one.t0)
            running.append(home)
        home.members.append(one)
        found[one.signal_id] = home.episode_id
    return found


@dataclass(slots=True)
class _Episode:
    """An episode while signals are still being handed out."""

    episode_id: SignalId
    began_at: int
    members: list[Occurrence] = field(default_factory=list)

    def takes(self, one: Occurrence) -> bool:
        return any(
            one.t0 - member.t0 <= JOIN_MS and _same_matter(one, member) for member in self.members
        )


def _same_matter(a: Occurrence, b: Occurrence) -> bool:
    same_story = a.story is not None and a.story == b.story
    return same_story or not a.entities.isdisjoint(b.entities)
