"""`tag`: why a text belongs to which theme; the same tagger as the daemon's."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.arguments import parse_when
from monitor.cli.context import Options, print_json, utc_now
from monitor.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from signals.tagger import Tagger, Tagging


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(tag)


def tag(
    context: typer.Context,
    text: Annotated[list[str] | None, typer.Argument(help="A headline; - reads stdin.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Title on the first line, then content.")
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Items on stdin, one JSON a line.")
    ] = False,
    published_at: Annotated[str | None, typer.Option(help="Resolves relative dates.")] = None,
    source: Annotated[str | None, typer.Option(help="The outlet.")] = None,
    lang: Annotated[str | None, typer.Option(help="en or zh.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Explain which themes, entities, facts and kind a text gets, and why."""
    options: Options = context.obj
    tagger = _topics(options).tagger
    if jsonl:
        for line in _tag_lines(tagger, sys.stdin):
            sys.stdout.write(line + "\n")
        return
    title, content = _read(text, file)
    found = tagger.tag(
        _document(
            {
                "title": title,
                "content": content,
                "published_at": published_at,
                "source": source,
                "lang": lang,
            }
        )
    )
    if as_json:
        print_json(plain(found))
    else:
        for line in _explained(found):
            print(line)


def plain(found: Tagging) -> dict[str, Any]:
    """Return a tagging as the `--jsonl` output has it, without the id."""
    return {
        "themes": [{"theme": t.theme, "score": t.score, "kind": t.kind} for t in found.themes],
        "below": [{"theme": t.theme, "score": t.score, "kind": t.kind} for t in found.below],
        "entities": list(dict.fromkeys(mention.entity for mention in found.entities)),
        "facts": [
            {"kind": fact.kind, "value": str(fact.value), "unit": fact.unit, "text": fact.text}
            for fact in found.facts
        ],
        "polarity": dict(found.polarity),
        "background": found.background,
        "reason": list(found.reasons),
    }


def _topics(options: Options) -> Any:
    """Return the themes of the config; the shipped ones where there is no config file."""
    from pathlib import Path as Folder

    from monitor.app import open_topics
    from monitor.config import parse_config, shipped_text

    if options.config_path is None and not options.config_file().exists():
        return open_topics(parse_config(shipped_text(), name="config.yaml", folder=Folder()))
    return options.load_topics()[1]


def _read(text: list[str] | None, file: Path | None) -> tuple[str, str | None]:
    if file is not None:
        try:
            whole = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MonitorError(f"{file}: cannot be read: {error}") from error
    elif text == ["-"]:
        whole = sys.stdin.read()
    elif text:
        return " ".join(text), None
    else:
        raise ConfigError("tag needs a text, --file FILE, --jsonl, or - for stdin")
    title, _, content = whole.strip().partition("\n")
    return title, content.strip() or None


def _tag_lines(tagger: Tagger, stream: IO[str]) -> Iterator[str]:
    for line in stream:
        if not line.strip():
            continue
        identifier = None
        try:
            item = json.loads(line)
            identifier = item.get("id")
            found = plain(tagger.tag(_document(item)))
            yield json.dumps({"id": identifier, **found}, ensure_ascii=False)
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            yield json.dumps({"id": identifier, "error": str(error)}, ensure_ascii=False)


def _document(item: dict[str, Any]) -> Any:
    from signals.tagger import Document

    title = item.get("title")
    if not isinstance(title, str):
        raise TypeError("title must be a text")
    return Document(
        title=title,
        summary=_text(item, "summary"),
        content=_text(item, "content"),
        published_at=_instant(_text(item, "published_at")),
        source=_text(item, "source"),
        lang=_text(item, "lang"),
    )


def _text(item: dict[str, Any], name: str) -> str | None:
    value = item.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a text")
    return value or None


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_when(text, now=utc_now())


def _explained(found: Tagging) -> Iterator[str]:
    for tagged in found.themes:
        yield f"{tagged.theme}: {tagged.kind}, score {tagged.score:.2f}"
    for tagged in found.below:
        yield f"below {tagged.theme}: {tagged.kind}, score {tagged.score:.2f}"
    if not found.themes and not found.below:
        yield "no theme"
    names = ", ".join(dict.fromkeys(mention.entity for mention in found.entities))
    yield f"entities: {names or 'none'}"
    for fact in found.facts:
        yield f"fact: {fact.kind} {fact.unit} {fact.value} ({fact.text!r})"
    if found.attributed_to:
        yield f"attributed to {found.attributed_to}"
    for reason in found.reasons:
        yield f"because {reason}"
