"""`signals mark`: what the user says of a signal, kept as a labelled text for `eval`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.context import Options, chosen, reading, utc_now
from monitor.cli.tables import printable
from monitor.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from sqlmodel import Session

    from storage.models import Item, Signal

VERDICTS = ("irrelevant", "wrong-kind", "right")
MANY = 5
_READ_FROM = {"standing": "a leaderboard", "market": "a market", "item": "what a machine saw"}


def signals_mark(
    context: typer.Context,
    signal_id: Annotated[str, typer.Argument(help="As `signals list` prints it, or its start.")],
    verdict: Annotated[str, typer.Argument(help="irrelevant, wrong-kind or right.")],
    kind: Annotated[str | None, typer.Option(help="The kind that would be right.")] = None,
    theme: Annotated[str | None, typer.Option(help="The theme it belongs to instead.")] = None,
) -> None:
    """Say that a signal is irrelevant, of the wrong kind, or right; `eval` measures with it.

    Appends the text with your verdict to labels.jsonl in the database's folder. A later mark
    of the same signal counts instead of the earlier one.
    """
    from monitor.labels import append_label, own_file
    from storage.engine import sqlite_path

    options: Options = context.obj
    config = options.load_config()
    _check(verdict, kind, theme, [each.name for each in config.themes])
    with reading(config) as session:
        signal = one_signal(session, signal_id)
        row = _row(session, signal, verdict, kind, theme, now=utc_now())
    database = sqlite_path(config.storage.url)
    assert database is not None  # the config takes SQLite only
    path = own_file(database)
    added = append_label(path, row)
    told = f"{signal.signal_id} {verdict} ({signal.theme}, {signal.kind})"
    done = f"marked {told}" if added else f"says so of {told} already; nothing was added"
    print(printable(f"{path}: {done}: {signal.title}"))


def one_signal(session: Session, name: str) -> Signal:
    """Return the signal of an id, or of the start of one when only one signal has it.

    Raises MonitorError when there is none or more than one.
    """
    from storage import signal_repo

    found = signal_repo.named(session, name, limit=MANY + 1) if name else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise MonitorError(f"no signal {name!r}; `signal-monitor signals list` names them")
    ids = ", ".join(signal.signal_id for signal in found[:MANY])
    more = ", …" if len(found) > MANY else ""
    raise MonitorError(f"{name!r} is the start of more than one signal: {ids}{more}; add a letter")


def _check(verdict: str, kind: str | None, theme: str | None, themes: list[str]) -> None:
    from monitor.problems import suggestion
    from storage.tables import KINDS

    if verdict not in VERDICTS:
        raise ConfigError(
            f"{verdict!r} is no verdict{suggestion(verdict, VERDICTS)}; "
            f"choose one of {', '.join(VERDICTS)}"
        )
    if kind is not None and kind not in KINDS:
        raise ConfigError(
            f"--kind {kind!r} is no kind{suggestion(kind, KINDS)}; choose one of {', '.join(KINDS)}"
        )
    if theme is not None:
        chosen(theme, themes, "theme")


def _row(
    session: Session,
    signal: Signal,
    verdict: str,
    kind: str | None,
    theme: str | None,
    *,
    now: datetime,
) -> dict[str, Any]:
    """Return the labelled text. Raises ConfigError for a verdict that contradicts itself."""
    from storage.instants import format_instant

    return {
        "id": signal.signal_id,
        **_text(session, signal),
        **_verdict(signal, verdict, kind, theme),
        "sure": 1,
        "marked_at": format_instant(now),
    }


def _verdict(signal: Signal, verdict: str, kind: str | None, theme: str | None) -> dict[str, Any]:
    other = theme if theme != signal.theme else None
    judged = sorted({signal.theme, other or signal.theme})
    if verdict == "irrelevant":
        if kind is not None and other is None:
            raise ConfigError("what is irrelevant has no kind; --kind goes with --theme OTHER")
        return {"themes": [other] if other else [], "kind": kind, "judged": judged}
    if other is not None:
        raise ConfigError(f"--theme goes with irrelevant: the theme it belongs to, not {verdict}")
    if verdict == "right":
        if kind not in (None, signal.kind):
            raise ConfigError(f"its kind is {signal.kind}; say wrong-kind --kind {kind}")
        return {"themes": [signal.theme], "kind": signal.kind, "judged": judged}
    if kind == signal.kind:
        raise ConfigError(f"{kind} is its kind already; --kind names the right one")
    wrong = {"wrong_kind": signal.kind}
    return {"themes": [signal.theme], "kind": kind, "judged": judged, **wrong}


def _text(session: Session, signal: Signal) -> dict[str, Any]:
    """Return what the tagger read; of an event beside the headline its own sentence.

    Raises MonitorError for a signal that no text tells of.
    """
    from storage import item_repo
    from storage.instants import format_instant

    item = _item(session, signal)
    if item is None:
        read_from = _READ_FROM.get(signal.origin_kind, signal.origin_kind)
        raise MonitorError(
            f"{signal.signal_id} was read from {read_from}, not from a text; "
            "only what the tagger read can be marked"
        )
    title, summary, content = item_repo.latest_wording(session, item)
    if signal.event_no:
        title, summary, content = signal.title, None, None
    published = item.published_at and format_instant(item.published_at)
    texts = {"title": title, "summary": summary, "content": content}
    return {
        **{name: text for name, text in texts.items() if text or name != "content"},
        "source": item.publisher or item.source,
        "lang": item.lang,
        "tier": item.tier,
        "published_at": published,
    }


def _item(session: Session, signal: Signal) -> Item | None:
    """Return the item that the signal was read from: the one it quotes."""
    from storage import story_repo

    if signal.origin_kind != "story":
        return None
    items = story_repo.items(session, signal.origin_id)
    quoted = [item for item in items if item.url == signal.url]
    titled = [item for item in quoted or items if item.title == signal.title]
    return next(iter(titled or quoted or items), None)
