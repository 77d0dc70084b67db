"""The card of one alert: why, on what, to whom, and what comes next."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console

from monitor.cli.context import age_text, counted, instant_text, pp_text, price_text
from monitor.cli.tables import safe

Report = dict[str, Any]
_STATE_STYLE = {"sent": "green", "dead": "red", "queued": "yellow", "sending": "yellow"}
SHOWN = 4
_PLAIN = re.compile(r"[\w.:/-]+")
_RESULTS = {"sent": "arrived", "retry": "failed, tried again", "dead": "failed for good"}


def show(console: Console, report: Report, *, now: datetime) -> None:
    """Show one alert's card; what sources wrote is text, never markup."""
    console.print(f"[bold]{safe(report['title'])}[/]", soft_wrap=True)
    for line in _head(report):
        console.print(f"  {line}", soft_wrap=True)
    sections = {
        "Why": _why(report),
        "Evidence": _evidence(report),
        "Sent to": _sent_to(report, now),
        "The same thing": _same_thing(report),
        "What comes next": _next(report, now),
        "Silence its like by any of (several together ask for all)": _matchers(report["labels"]),
    }
    for title, lines in sections.items():
        found = list(lines)
        if found:
            console.print(f"[bold]{title}:[/]")
        for line in found:
            console.print(f"  {line}", soft_wrap=True)


def _head(report: Report) -> Iterator[str]:
    if report["headline"] and report["headline"] != report["title"]:
        yield safe(report["headline"])
    gone = "" if report["rule_is_configured"] else " (not in the config any more)"
    yield safe(
        f"alert {report['alert_id']}, {instant_text(report['at'])}, rule {report['rule']}{gone} "
        f"on {report['kind']}, {report['severity']}"
    )
    stage = f", stage {report['stage']}" if report["stage"] else ""
    yield safe(f"about {report['about'] or report['group_key']}{stage}")
    if report["not_told"]:
        yield f"[yellow]not told: {safe(report['not_told'])}[/]"
    if report["acked_at"]:
        note = f": {report['ack_note']}" if report["ack_note"] else ""
        yield f"[green]acknowledged {instant_text(report['acked_at'])}{safe(note)}[/]"
    if report["grade"]:
        words = f": {report['grade_words']}" if report["grade_words"] else ""
        yield safe(f"grade {report['grade']}{words}")


def _why(report: Report) -> Iterator[str]:
    for reason in report["reason"]:
        yield f"- {safe(reason)}"
    if report["follows"]:
        yield f"- follows: {safe(report['follows'])}"


def _evidence(report: Report) -> Iterator[str]:
    for signal in report["signals"]:
        yield from _signal(signal)
    for move in report["moves"]:
        yield from _move(move)
    for link in report["links"]:
        yield _link(link)
    for price in report["prices"]:
        yield _price(price)
    for line in report["lines"]:
        yield safe(line)


def _signal(signal: Report) -> Iterator[str]:
    if signal["title"] is None:
        yield f"- signal {safe(signal['signal_id'])}: nothing is kept of it"
        return
    yield f"- signal {safe(signal['signal_id'])}: {safe(signal['title'])}"
    novelty = "" if signal["novelty"] is None else f", novelty {signal['novelty']:.2f}"
    yield safe(
        f"  {signal['theme']}, {signal['kind']}, score {signal['score']:.2f}{novelty}, "
        f"{counted(signal['publishers'], 'publisher')}, {signal['source']} (tier {signal['tier']})"
    )
    public = "publication time unknown"
    if signal["published_at"] is not None:
        public = f"public {instant_text(signal['published_at'])} ({signal['precision']})"
    yield safe(f"  {public}, seen {instant_text(signal['observed_at'])}")
    if signal["url"]:
        yield f"  {safe(signal['url'])}"
    for reason in signal["reasons"]:
        yield f"  · {safe(reason)}"
    if signal["now"] is None:
        yield "  [yellow]known now: withdrawn[/]"
    elif signal["now"]:
        said = ", ".join(f"{name} {_value(value)}" for name, value in signal["now"].items())
        yield f"  [yellow]known now: {safe(said)}[/]"


def _move(move: Report) -> Iterator[str]:
    then, now = move["then"], move["now"]
    if then is None:
        yield f"- move of {safe(move['market'])} {instant_text(move['start_at'])}: nothing is kept"
        return
    yield safe(
        f"- {move['market']}: {price_text(then['price_from'])} → {price_text(then['price_to'])}, "
        f"{pp_text(then['move_pp'])}, {instant_text(move['start_at'])} to "
        f"{instant_text(then['end_at'])}"
    )
    if move["question"] and move["question"] != move["market"]:
        yield f"  {safe(move['question'])}"
    if move["url"]:
        yield f"  {safe(move['url'])}"
    yield f"  verdict then: {_verdict(then)}"
    if not move["amended"]:
        return
    if now is None:
        yield "  [yellow]known now: it is no move any more[/]"
        return
    yield f"  [yellow]known since {instant_text(now['known_from'])}: {_verdict(now)}[/]"
    if now["move_pp"] != then["move_pp"]:
        yield f"  in the end {price_text(now['price_to'])}, {pp_text(now['move_pp'])}"


def _verdict(move: Report) -> str:
    near = "; ".join(
        f"{each.get('title')} ({_nearness(each)})" for each in move["explained_by"][:3]
    )
    return safe(f"{move['verdict'].replace('_', ' ')}{': ' + near if near else ''}")


def _link(link: Report) -> str:
    then = link["verdict_then"]
    known = (
        ""
        if then == link["verdict"]
        else " (not known then)"
        if then is None
        else f" (then {then})"
    )
    if link["verdict"].startswith("not_evaluated"):
        return safe(f"- {link['market']}, 1 h after: {link['reason'] or link['verdict']}{known}")
    return safe(
        f"- {link['market']}, 1 h after: {price_text(link['price_before'])} → "
        f"{price_text(link['price_after'])}, {pp_text(link['move_pp'])}, "
        f"{link['verdict'].replace('_', ' ')}{known}"
    )


def _price(price: Report) -> str:
    day = "" if price.get("day_ago") is None else f", 24 h before {price_text(price['day_ago'])}"
    before = "" if price.get("before") is None else f"{price_text(price['before'])} → "
    return safe(f"- {price.get('label')} when told: {before}{price_text(price.get('now'))}{day}")


def _sent_to(report: Report, now: datetime) -> Iterator[str]:
    from monitor.reports.deliveries import outcome_words

    for row in report["deliveries"]:
        style = _STATE_STYLE.get(row["state"], "dim")
        kind = f" ({row['channel_kind']})" if row["channel_kind"] else " (no channel of the config)"
        at = f" {_clock(row['sent_at'])}" if row["sent_at"] else ""
        words = outcome_words(row, now=now)
        yield (
            f"{safe(row['channel'] + kind)}: [{style}]{row['state']}[/]{at}"
            f"{', ' + safe(words) if words else ''}"
        )
        if row["sent_with"]:
            others = ", ".join(map(str, row["sent_with"]))
            yield f"  in one message with {others}"
        for one in row["tries"]:
            yield f"  {_try(one)}"
    for channel in report["left_out"]:
        yield safe(f"{channel}: not sent; another rule had told it there, or it is newer than this")


def _try(one: Report) -> str:
    head = f"try {one['number']}  {_clock(one['began_at'])}"
    if one["result"] is None:
        return safe(f"{head}  under way")
    took = "" if one["took_s"] is None else f" in {_span(one['took_s'])}"
    error = f": {one['error']}" if one["error"] else ""
    repeat = ", marked as a possible repeat" if one["may_repeat"] else ""
    return safe(f"{head}  {_RESULTS.get(one['result'], one['result'])}{took}{repeat}{error}")


def _same_thing(report: Report) -> Iterator[str]:
    for other in report["same_thing"]:
        when = "before" if other["alert_id"] < report["alert_id"] else "after"
        why = f" (not told: {other['not_told']})" if other["not_told"] else ""
        yield safe(
            f"- {when}: {other['alert_id']}, {instant_text(other['at'])}, {other['rule']}: "
            f"{other['title']}{why}"
        )


def _next(report: Report, now: datetime) -> Iterator[str]:
    waiting = [row for row in report["deliveries"] if row["next_attempt_at"] is not None]
    for row in waiting:
        due = row["next_attempt_at"]
        when = (
            "now" if due <= now else f"{_clock(due)} (in {age_text((due - now).total_seconds())})"
        )
        yield safe(f"- {row['channel']}: {when}, waits for {row['waits_for']}")
    if report["repeats"]:
        yield safe(f"- {report['repeats']}")
    if any(row["state"] == "dead" for row in report["deliveries"]):
        number = report["alert_id"]
        yield f"- given up; `signal-monitor alerts resend {number}` sends it again"
    if report["acked_at"] is not None:
        yield "- repeats and follow-ups of it are kept and not told: it is acknowledged"
    for silence in report["silences"]:
        if silence["state"] == "over":
            continue
        until = f"until {instant_text(silence['ends_at'])}"
        begin = "" if silence["state"] == "holds" else f"from {instant_text(silence['starts_at'])} "
        note = f": {silence['comment']}" if silence["comment"] else ""
        yield safe(f"- silence {silence['silence_id']} keeps back its like {begin}{until}{note}")


def _matchers(labels: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield, a label a line, what may follow `alerts silence`."""
    from monitor.alerts.rules.matchers import LABELS

    for label in LABELS:
        values = labels.get(label, ())
        shown = "  ".join(f"{label}={_quoted(value)}" for value in values[:SHOWN])
        more = f"  and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
        if values:
            yield safe(f"{shown}{more}")


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else shlex.quote(json.dumps(value, ensure_ascii=False))


def _nearness(found: Report) -> str:
    """Return how far from the move it was; the clocks may not be able to tell the order."""
    from signals.causes import date_words

    before, error = found.get("minutes_before"), found.get("clock_error_min")
    if found.get("days_before") is not None:
        return f"{date_words(-found['days_before'])}, by date only"
    if before is None:
        return "time unknown"
    if error is not None and abs(before) <= error:
        return f"simultaneous, within {error:.0f} min"
    return f"{abs(before):.0f} min {'before' if before > 0 else 'after'}"


def _value(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def _span(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
