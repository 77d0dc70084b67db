"""The parts payloads are made of: bounded words, links, prices, entries of an Alertmanager body.

Source: Alertmanager webhook data, https://prometheus.io/docs/alerting/latest/configuration/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.alerts.views import MarketPrice
from monitor.alerts.words.plain_text import clean
from storage.instants import format_instant

MAX_TEXT = 300
MAX_LABEL = 60
MAX_URL = 2000
SHOWN_NAMES = 4
Payload = dict[str, Any]


def safe_url(url: str | None) -> str | None:
    """Return `url` when it is a plain http or https link of bounded length, else None."""
    if url is None or len(url) > MAX_URL or not url.isprintable() or " " in url:
        return None
    return url if url.lower().startswith(("http://", "https://")) else None


def signed_pp(change: float | None) -> str:
    """Return a change of probability in points, such as `−9.0 pp`; `no price` when unknown."""
    return "no price" if change is None else signed(change * 100, "+.1f") + " pp"


def signed(number: float, form: str) -> str:
    """Return `number` in `form` with a true minus sign; what rounds to nothing has no minus."""
    text = format(number, form)
    if not any(digit in text for digit in "123456789"):
        text = text.replace("-", "+" if "+" in form else "")
    return text.replace("-", "−")


def words(name: str) -> str:
    """Return a name of ours as words: `no_public_cause_found` without underscores."""
    return name.replace("_", " ")


def counted(number: int, noun: str) -> str:
    """Return `1 publisher`, `2 publishers`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listing(names: Sequence[str], noun: str = "more", shown: int = SHOWN_NAMES) -> str:
    """Return `names` in a row, those past the first few as an exact count."""
    rest = len(names) - shown
    head = ", ".join(names[:shown])
    return head if rest <= 0 else f"{head} and {rest:,} {noun}"


def series_name(series: str | None, title: str | None, question: str) -> str:
    """Return how a series is called: a slug or ticker as it is, an id that says nothing never."""
    if series and "-" in series:
        return clean(series, 120)
    return clean(title or question, 120)


def optional_text(text: str | None, limit: int = MAX_TEXT) -> str | None:
    """Return `text` bounded, on one line and harmless; None stays None."""
    return None if text is None else clean(text, limit)


def optional_instant(at: datetime | None) -> str | None:
    """Return an instant as text; None stays None."""
    return None if at is None else format_instant(at)


def price_rows(prices: Iterable[MarketPrice]) -> list[Payload]:
    """Return prices as stored; unknown stays None."""
    return [
        {
            "label": clean(price.label, MAX_LABEL),
            "before": price.before,
            "now": price.now,
            "day_ago": price.day_ago,
            "settles": optional_text(price.settles),
            "url": safe_url(price.url),
        }
        for price in prices
    ]


def summaries(title: str, own_lines: Iterable[str]) -> list[str]:
    """Return what each entry of one alert says: the first all of it, the others their own line."""
    return [title, *list(own_lines)[1:]]


def entry(
    labels: Mapping[str, str], annotations: Mapping[str, str], at: datetime, url: str | None
) -> Payload:
    """Return one entry of an Alertmanager v4 body, without status."""
    return {
        # An empty label is no label, to Prometheus and its kin.
        "labels": {name: text for name, value in labels.items() if (text := clean(value, 200))},
        "annotations": {name: clean(value, 1000) for name, value in annotations.items()},
        "startsAt": format_instant(at),
        "generatorURL": safe_url(url) or "",
    }
