"""The labels of an alert: those of all the views it tells of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitor.alerts.rules import Rule
from monitor.alerts.rules.view_labels import view_labels
from monitor.alerts.views import View

ABOUT = "about"


def labels_of(
    rule: Rule, views: Iterable[View], abouts: tuple[str, ...] = ()
) -> Mapping[str, tuple[str, ...]]:
    """Return each label with its values over all of `views`, in the order in which they are met.

    An alert of several things keeps their names under `about`, which no matcher asks.
    """
    found: dict[str, dict[str, None]] = {}
    for view in views:
        for label, values in view_labels(rule, view).items():
            found.setdefault(label, {}).update(dict.fromkeys(values))
    labels = {label: tuple(values) for label, values in found.items()}
    return {**labels, ABOUT: abouts} if len(abouts) > 1 else labels
