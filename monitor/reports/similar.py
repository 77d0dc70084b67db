"""What own markets did after earlier signals of a kind, in a sentence that n carries.

One observation for each story or episode, on the leg that was tested first; nulls count like the
rest. Looked at are the last LIMIT signals of a year. Source: event study reference, sections 4, 8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from monitor.reports.tested import PRIMARY_WINDOW_S, Tested, observations
from signals import power
from signals.study_sentences import DESCRIPTION, MAX_P, NO_REACTION, p_words, points
from signals.study_tests import bootstrap_interval, sign_flip, t_interval
from storage import final_links
from storage.market_repo import Leg
from storage.models import Link, Signal

# The exact test over 20 events takes a millisecond, over 40 a second.
NEWEST = 20
BOOTSTRAP_FROM = 15
LOOK_BACK = timedelta(days=365)
LIMIT = 200
NOT_A_CAUSE = "What came first is not thereby the cause."
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five")
_UNUSED = ("not_evaluated", "confounded")


class Similar:
    """The earlier answers to kinds of signals as they were known at `now`, each read once."""

    def __init__(self, session: Session, *, now: datetime) -> None:
        self._session, self._now = session, now
        self._answers: dict[tuple[str, str], list[tuple[Link, Signal]]] = {}

    def sentence(self, signal: Signal, legs: Mapping[int, Leg]) -> str:
        """Return what earlier signals of this theme and kind did, with how many they are.

        Only `legs`, by outcome id, are looked at.
        """
        known = self._known(signal.theme, signal.kind)
        tested = [
            Tested(link, earlier, legs[link.outcome_id])
            for link, earlier in known
            if earlier.at < signal.at
            and earlier.origin_id != signal.origin_id
            and link.outcome_id in legs
        ]
        links, unused = _one_each(tested)
        return similar_sentence(links, kind=signal.kind, unused=unused)

    def _known(self, theme: str, kind: str) -> list[tuple[Link, Signal]]:
        if (theme, kind) not in self._answers:
            self._answers[theme, kind] = final_links.answers(
                self._session,
                theme,
                kind,
                since=self._now - LOOK_BACK,
                window_s=PRIMARY_WINDOW_S,
                as_of=self._now,
                limit=LIMIT,
            )
        return self._answers[theme, kind]


def similar_sentence(links: Sequence[Link], *, kind: str, unused: int = 0) -> str:
    """Return what `links`, one for each observation by instant, say together.

    Of many the NEWEST speak. `unused` more could not be evaluated or were confounded. Never a p of
    fewer events than could pass the test.
    """
    found = [link for link in links if link.move is not None]
    newest, name = found[-NEWEST:], f"earlier {kind.replace('_', ' ')}"
    more = f" ({unused} not evaluated or confounded)" if unused else ""
    if not newest:
        return f"No {name} signal of this theme has a measured response{more}."
    moves = [link.move for link in newest if link.move is not None]
    if len(moves) == 1:
        one = f"{points(moves[0])} in the hour after one {name} signal{more}: {_did(newest)}"
        return f"{one}. One event cannot be tested."
    n = str(len(moves)) if len(newest) == len(found) else f"the last {NEWEST}"
    spread = f"range {_signed(min(moves))} to {_signed(max(moves))}"
    average = f"{points(sum(moves) / len(moves))} in the hour after {n} {name} signals{more}"
    return " ".join((f"Average move {average} ({spread}): {_did(newest)}.", *_tested(moves)))


def _tested(moves: Sequence[float]) -> tuple[str, ...]:
    n, flip, found = len(moves), sign_flip(moves), t_interval(moves)
    if flip is None or flip.smallest > MAX_P:
        factor = power.detectable(n)
        missed = "" if factor is None else f"; smaller than about {factor:.1f} sd would be missed"
        return f"{_NUMBERS[n]} events cannot show significance at 5 %{missed}.", DESCRIPTION
    if n >= BOOTSTRAP_FROM:
        found = bootstrap_interval(moves)
    interval = ""
    if found is not None:
        ends = f"{_signed(found.low)} to {_signed(found.high)}"
        interval = f", {100 * found.level:.0f} % interval of the mean {ends}"
    figures = f"exact sign-flip {p_words(flip.p)}{interval}"
    if flip.p > MAX_P:
        return f"No detectable average reaction: {figures}.", NO_REACTION
    return f"{figures.capitalize()}.", NOT_A_CAUSE


def _did(links: Sequence[Link]) -> str:
    """Return how many moved, and how many did not."""
    verdicts = Counter(link.verdict for link in links)
    up, down = verdicts["moved_up"], verdicts["moved_down"]
    before = verdicts["moved_before"]
    parts = [f"{up} moved up", f"{down} down", *([f"{before} before it"] if before else [])]
    return ", ".join([*parts, f"{len(links) - up - down - before} not detectably"])


def _one_each(tested: Sequence[Tested]) -> tuple[list[Link], int]:
    """Return one link for each observation, and how many observations have none to use."""
    home = observations(tested)
    ordered = sorted(
        tested, key=lambda each: (each.signal.at, -(each.link.n_updates or 0), each.leg.outcome_id)
    )
    chosen: dict[str, Link] = {}
    for each in ordered:
        if each.link.move is not None and not each.link.verdict.startswith(_UNUSED):
            chosen.setdefault(home[each.signal.signal_id], each.link)
    return list(chosen.values()), len(set(home.values()) - chosen.keys())


def _signed(move: float) -> str:
    return points(move).removesuffix(" pp")
