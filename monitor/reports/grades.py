"""How alerts did, as a person reads it: figures with their n, nulls like the rest, no causes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signals.evaluation import Interval
from signals.grade_report import FEWEST, FEWEST_WINDOWS, Report
from signals.grading import HORIZON_MS
from signals.multiple import q_values
from signals.prices import HOUR_MS, MINUTE_MS
from signals.study_sentences import p_words

Row = dict[str, Any]
HORIZON_H = HORIZON_MS // HOUR_MS
LEFT_OUT = {
    "same_episode": f"within {HORIZON_H} h of one that counts",
    "pending": "pending",
    "stale": "price too old",
    "no_price": "no two-sided price",
    "resolved": "market settled meanwhile",
    "no_market": "no market to grade on",
    "not_told": "not told",
}


def grade_rows(reports: Mapping[str, Report]) -> list[Row]:
    """Return each rule's figures by name: shares 0..1, moves in points, times in minutes.

    None is not known. `q` adjusts `p` over the rules that have one, after Benjamini and Hochberg.
    """
    tested = [name for name, each in reports.items() if each.p is not None]
    adjusted = q_values([reports[name].p or 0.0 for name in tested])
    q = dict(zip(tested, map(float, adjusted), strict=True))
    return [_row(name, each, q.get(name)) for name, each in reports.items()]


def words(report: Report) -> tuple[str, ...]:
    """Return what may be said of a rule's alerts, most important first."""
    if not report.n:
        return (f"No alert graded.{_left_out(report)}", *_recall(report))
    parts = [_precision(report), _base(report), *_recall(report), *_lead(report), *_money(report)]
    return (*filter(None, parts), *([rest.strip()] if (rest := _left_out(report)) else []))


def share_text(share: float | None, interval: Interval | None = None) -> str:
    """Return `70 % (40–89 %)`; a dash when unknown."""
    if share is None:
        return "–"
    ends = "" if interval is None else f" ({100 * interval[0]:.0f}–{100 * interval[1]:.0f} %)"
    return f"{100 * share:.0f} %{ends}"


def lead_text(ms: float | None) -> str:
    """Return a lead in minutes or hours; a dash when there is none."""
    if ms is None:
        return "–"
    return f"{ms / HOUR_MS:.1f} h" if ms >= 2 * HOUR_MS else f"{ms / MINUTE_MS:.0f} min"


def _row(name: str, report: Report, q: float | None) -> Row:
    money = report.money
    return {
        "rule": name,
        "n": report.n,
        "hits": report.hits,
        "either_direction": report.either,
        "without_book": report.without_book,
        "precision": report.precision,
        "precision_interval": report.interval,
        "base_rate": report.base,
        "base_windows": report.base_windows,
        "lift": report.lift,
        "p": report.p,
        "q": q,
        "moves": report.recall.moves,
        "moves_told": report.recall.told,
        "recall": report.recall.share,
        "recall_interval": report.recall.interval,
        "lead_min": None if report.lead_ms is None else report.lead_ms / MINUTE_MS,
        "hits_before": report.before,
        "hits_after": report.after,
        "money_n": 0 if money is None else money.n,
        "money_pp": None if money is None else 100 * money.mean,
        "money_range_pp": None if money is None else (100 * money.least, 100 * money.most),
        "excluded": dict(report.excluded),
        "words": list(words(report)),
    }


def _precision(report: Report) -> str:
    share = share_text(report.precision, report.interval)
    either = f", {report.either} of them in either direction" if report.either else ""
    trades = f", {report.without_book} on last trades, not quotes," if report.without_book else ""
    return (
        f"{report.hits} of {report.n} alerts{either}{trades} were followed by a move within "
        f"{HORIZON_H} h: {share}."
    )


def _base(report: Report) -> str:
    if report.base is None:
        return "No base rate: too little was watched."
    rate = f"Random times in the same markets: {share_text(report.base)}"
    lift = f", lift {report.lift:.1f}" if report.lift is not None else ", no lift to speak of"
    return f"{rate}{lift}; {_test(report)}."


def _test(report: Report) -> str:
    if report.p is not None:
        return f"{p_words(report.p)} (one-sided)"
    if report.n < FEWEST:
        return f"no test: n={report.n}"
    windows = report.base_windows or 0
    return f"no test: {windows} separate windows watched, fewer than {FEWEST_WINDOWS}"


def _recall(report: Report) -> tuple[str, ...]:
    found = report.recall
    if not found.moves:
        return ("No lasting move to be told before.",)
    share = share_text(found.share, found.interval)
    return (f"{found.told} of {found.moves} moves had an alert in the {HORIZON_H} h before: "
            f"{share}.",)  # fmt: skip


def _lead(report: Report) -> tuple[str, ...]:
    said = []
    if report.before:
        said.append(f"told a median of {lead_text(report.lead_ms)} before the move "
                    f"({_hits(report.before)})")  # fmt: skip
    if report.after:
        said.append(f"{_hits(report.after)} told after the move had begun")
    text = "; ".join(said)
    return (text[0].upper() + text[1:] + ".",) if text else ()


def _money(report: Report) -> tuple[str, ...]:
    money = report.money
    if money is None:
        return ("No money check: no alert stated a direction.",)
    ends = f", {100 * money.least:+.1f} to {100 * money.most:+.1f}" if money.n > 1 else ""
    return (f"Bought and sold: {100 * money.mean:+.1f} pp a share after spread and fee "
            f"(n={money.n}{ends}).",)  # fmt: skip


def _left_out(report: Report) -> str:
    counts = [f"{n} {LEFT_OUT.get(why, why)}" for why, n in report.excluded.items() if n]
    return f" Left out: {', '.join(counts)}." if counts else ""


def _hits(n: int) -> str:
    return "1 hit" if n == 1 else f"{n} hits"
