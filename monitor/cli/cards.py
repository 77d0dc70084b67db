"""The card of one signal, as plain lines and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from monitor.cli.context import age_text, instant_text, pp_text, price_text
from monitor.cli.tables import printable, safe

Report = dict[str, Any]
PRIMARY_WINDOW_S = 3600
_MARKUP = re.compile(r"([\\`*\[\]<])")


def card(console: Console, report: Report) -> None:
    """Show one signal's card."""
    for line in card_lines(report):
        console.print(safe(line), soft_wrap=True)


def card_markdown(report: Report) -> str:
    """Return the card as Markdown; what sources wrote is text, never markup."""
    lines = []
    for line in card_lines(report):
        text = _MARKUP.sub(r"\\\1", printable(line))
        lines.append(text.strip() if text.startswith(" ") else f"\n## {text[:-1]}\n")
    return "\n".join(lines).strip()


def card_lines(report: Report) -> Iterator[str]:
    """Yield the card's plain lines: unindented titles of sections, indented text."""
    yield "Headline:"
    yield f"  {report['headline']}"
    yield (
        f"  {report['theme']}, {report['kind']}, score {report['score']:.2f}, "
        f"public {instant_text(report['at'])} ({report['precision']}), "
        f"seen {instant_text(report['observed_at'])}"
    )
    yield "Context:"
    for item in report["context"]:
        origin = f", repeating {item['attributed_to']}" if item["attributed_to"] else ""
        yield f"  - {instant_text(item['published_at'])} {item['source']}{origin}: {item['title']}"
        if item["url"]:
            yield f"    {item['url']}"
    yield "Evidence:"
    yield from (
        _evidence(report["evidence"]) if report["evidence"] else ["  no market was looked at"]
    )
    yield "Reasons:"
    yield from (f"  - {reason}" for reason in report["reasons"])
    if len(report["story"]) > 1:
        yield "One story:"
        yield from (f"  - {line}" for line in report["story"])
    yield "Key points:"
    yield from (f"  - {point}" for point in [*report["entities"], *report["key_points"]])
    yield "What to watch:"
    yield from (f"  - {line}" for line in report["watch"])


def _evidence(links: list[Report]) -> Iterator[str]:
    """Yield the tested window of each market, then what the other windows show."""
    tested = [link for link in links if _is_tested(link)]
    for link in [*tested, *(link for link in links if not _is_tested(link))]:
        head = f"  - {link['market']}, {age_text(link['window_s'])}"
        if link["verdict"].startswith("not_evaluated"):
            if _is_tested(link):
                yield f"{head}: {link['reason'] or link['verdict']}"
            continue
        note = "" if _is_tested(link) else " (described, not tested)"
        why = f"; {link['reason']}" if link["reason"] else ""
        yield (
            f"{head}: {price_text(link['price_before'])} → {price_text(link['price_after'])}, "
            f"{pp_text(link['move_pp'])}, {link['verdict']}{note}{why}"
        )


def _is_tested(link: Report) -> bool:
    return bool(link["focal"]) and link["window_s"] == PRIMARY_WINDOW_S
