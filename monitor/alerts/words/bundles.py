"""What a receiver is told of the bundle that alerts waited in, as Alertmanager tells of a group."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from monitor.alerts.rules.matchers import LABELS
from monitor.alerts.words.plain_text import clean

_STABLE = ("group", "digest")
_LABEL = re.compile(f"(?:^|;)({'|'.join(LABELS)})=")
MAX_VALUE = 200


def held_by(bundle: str | None) -> str | None:
    """Return why alerts waited: group, digest, quiet or storm; None when they did not."""
    return bundle.partition(":")[0] if bundle else None


def group_key(bundle: str | None, group_keys: Set[str], key: str) -> str:
    """Return the key that is equal for every message of one group.

    `group_keys` are those of the alerts, `key` that of the message. A group without labels is the
    alerts of one thing, so its key is theirs, as it is of a message that waited for no group.
    """
    own = next(iter(group_keys)) if len(group_keys) == 1 else None
    if bundle is None:
        return own or f"several:{key}"
    gathers = held_by(bundle) in _STABLE
    if own is not None and (not gathers or bundle.endswith(f":{own}")):
        return own
    return bundle


def group_labels(bundle: str | None) -> Mapping[str, str]:
    """Return the `group_by` labels of a group's bundle, `group:RULE:label=value;label=value`."""
    if bundle is None or held_by(bundle) != "group":
        return {}
    # Values come from outside and may hold any sign, names of labels do not.
    _, *parts = _LABEL.split(bundle.split(":", 2)[-1])
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {name: clean(value, MAX_VALUE) for name, value in pairs if value}
