"""When each channel is sent an alert, and with what it waits to become one message.

In this order: a digest or a group gathers, quiet hours hold back, the storm guard gathers what is
too much. A critical alert waits for no storm to pass, though it counts as one of its messages.
A bundle is named after what gathered it: `digest:RULE`, `group:RULE:KEY`, `quiet:INTERVAL` or
`storm`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from monitor.alerts.channels.base import ChannelModel
from monitor.alerts.rules import SEVERITIES, RuleModel, Storm
from monitor.alerts.rules.time_intervals import TimeInterval, end_of, holds
from storage.alert_repo import AlertDraft
from storage.delivery_load import Load
from storage.delivery_repo import Planned

STORM = "storm"
# Nights lead into weekends and those into nights; in a week all of them have begun.
_IN_A_ROW = 20


def plan(
    draft: AlertDraft,
    rule: RuleModel,
    channels: Mapping[str, ChannelModel],
    *,
    intervals: Mapping[str, TimeInterval],
    storm: Storm,
    now: datetime,
    load: Load,
) -> tuple[Planned, ...]:
    """Return the delivery of `draft` to each of its channels, as `load` and the clock have it.

    `load` holds what was sent for the last `storm.per` and `rule.group_interval`.
    """
    planned = []
    for name in dict.fromkeys(draft.channels):
        gathered = _gathered(draft, rule, name, now=now, load=load)
        channel = channels.get(name)
        if channel is None:
            planned.append(gathered)
            continue
        quieted = _quieted(gathered, draft, channel, intervals)
        if draft.severity != SEVERITIES[-1]:
            # The end of a storm's window may lie in quiet hours again.
            stormed = _stormed(quieted, storm, load)
            quieted = _quieted(stormed, draft, channel, intervals)
        planned.append(quieted)
    return tuple(planned)


def _gathered(
    draft: AlertDraft, rule: RuleModel, channel: str, *, now: datetime, load: Load
) -> Planned:
    if rule.digest is not None:
        bundle = f"digest:{rule.name}"
        return Planned(channel, load.pending.get((channel, bundle), now + rule.digest), bundle)
    if not rule.is_grouped:
        return Planned(channel, now)
    bundle = f"group:{rule.name}:{_group(draft, rule)}"
    if (channel, bundle) in load.pending:
        return Planned(channel, load.pending[channel, bundle], bundle)
    last = load.last.get((channel, bundle))
    if last is not None and last + rule.group_interval > now:
        return Planned(channel, last + rule.group_interval, bundle)
    return Planned(channel, now + rule.group_wait, bundle)


def _group(draft: AlertDraft, rule: RuleModel) -> str:
    if not rule.group_by:
        return draft.group_key
    return ";".join(f"{label}={','.join(draft.labels.get(label, ()))}" for label in rule.group_by)


def _quieted(
    planned: Planned,
    draft: AlertDraft,
    channel: ChannelModel,
    intervals: Mapping[str, TimeInterval],
) -> Planned:
    if SEVERITIES.index(draft.severity) >= SEVERITIES.index(channel.wake_for):
        return planned
    due_at, bundle = planned.due_at, planned.bundle
    for _ in range(_IN_A_ROW):
        quiet = (name for name in channel.quiet if holds(intervals[name], due_at))
        if (name := next(quiet, None)) is None:
            break
        due_at, bundle = end_of(intervals[name], due_at), f"quiet:{name}"
    return Planned(planned.channel, due_at, bundle)


def _stormed(planned: Planned, storm: Storm, load: Load) -> Planned:
    channel, due_at = planned.channel, planned.due_at
    joins_another = planned.bundle is not None and (channel, planned.bundle) in load.pending
    if storm.messages == 0 or joins_another:
        return planned
    calm = load.pending.get((channel, STORM))
    if calm is not None and due_at <= calm:
        return Planned(channel, calm, STORM)
    messages = load.messages.get(channel, ())
    window = [at for at in messages if due_at - storm.per < at <= due_at]
    if len(window) < storm.messages:
        return planned
    return Planned(channel, min(window) + storm.per, STORM)
