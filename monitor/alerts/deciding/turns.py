"""In which order firings are settled: the severest first, unless another has to be told before."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from monitor.alerts.deciding.firings import Due
from monitor.alerts.deciding.guards import Guards
from monitor.alerts.rules import SEVERITIES, Rule
from monitor.alerts.rules.inhibit import Inhibit
from monitor.alerts.rules.matchers import matches_all

_LATER = ("link", "move")


def in_turn(rules: Sequence[Rule], found: Iterable[Due], guards: Guards) -> list[Due]:
    """Return what is news in the order it is settled.

    Stories come before what may follow them, then the severest rule speaks for the others. What
    inhibits another firing is settled before that one, and only before that one.
    """
    place = {rule.name: index for index, rule in enumerate(rules)}

    def turn(due: Due) -> tuple[Any, ...]:
        firing, rule = due.firing, due.firing.rule
        score = firing.payload.get("score") or 0.0
        return (
            rule.on in _LATER,
            -SEVERITIES.index(rule.severity),
            place[rule.name],
            -float(score),
            firing.abouts,
            firing.keys,
        )

    return _after_inhibitors(sorted(found, key=turn), guards.inhibit)


def _after_inhibitors(found: Sequence[Due], inhibit: Iterable[Inhibit]) -> list[Due]:
    blocked: dict[int, set[int]] = defaultdict(set)
    for source, target in (pair for rule in inhibit for pair in _pairs(found, rule)):
        blocked[source].add(target)
    waits = [0] * len(found)
    for targets in blocked.values():
        for target in targets:
            waits[target] += 1
    ready = [index for index, count in enumerate(waits) if count == 0]
    left, order = dict.fromkeys(range(len(found))), []
    while left:
        # Where inhibitions run in a circle, the first in turn goes first.
        index = heapq.heappop(ready) if ready else next(iter(left))
        if index not in left:
            continue
        del left[index]
        order.append(found[index])
        for target in blocked.get(index, ()):
            waits[target] -= 1
            if waits[target] == 0:
                heapq.heappush(ready, target)
    return order


def _pairs(found: Sequence[Due], rule: Inhibit) -> Iterator[tuple[int, int]]:
    """Yield the places of each source of an inhibition with those of its targets."""
    labels = [due.firing.labels for due in found]
    targets = [i for i, each in enumerate(labels) if matches_all(rule.target_matchers, each)]
    if not targets:
        return
    sources = [i for i, each in enumerate(labels) if matches_all(rule.source_matchers, each)]
    # One that meets both sides does not inhibit its own like.
    both = set(sources) & set(targets)
    for source in sources:
        for target in targets:
            shares = all(
                set(labels[source].get(name, ())) & set(labels[target].get(name, ()))
                for name in rule.equal
            )
            if shares and source != target and not (source in both and target in both):
                yield source, target
