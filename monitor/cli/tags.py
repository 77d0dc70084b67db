"""`tag`: why a text belongs to which theme; the same tagger as the daemon's."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.arguments import parse_when
from monitor.cli.context import Options, print_json, utc_now
from monitor.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from signals.tagger import Tagger, Tagging


MAX_TEXT = 16 << 20


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
    """Explain which themes, entities, facts and kind a text gets, and why.

    `--jsonl` answers each line of stdin with one line, junk too; only empty lines get none.
    """
    options: Options = context.obj
    if sum((bool(text), file is not None, jsonl)) != 1:
        raise ConfigError("tag needs one of a text, --file FILE, --jsonl, or - for stdin")
    tagger = _topics(options).tagger
    if jsonl:
        for line in tag_lines(tagger, sys.stdin.buffer):
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
        "reason": [*found.reasons, *_below_reasons(found)],
    }


def _below_reasons(found: Tagging) -> list[str]:
    """Return why a text came near a theme and stayed below it, which is when people ask."""
    return [f"below {tag.theme}: {reason}" for tag in found.below for reason in tag.reasons]


def _topics(options: Options) -> Any:
    """Return the themes of the config; the shipped ones where there is no config file."""
    from monitor.config import parse_config, shipped_text
    from monitor.topics import open_topics

    if options.config_path is None and not options.config_file().exists():
        return open_topics(parse_config(shipped_text(), name="config.yaml", folder=Path()))
    return options.load_topics()[1]


def tag_lines(tagger: Tagger, lines: Iterable[bytes]) -> Iterator[str]:
    """Yield one JSON text for each line that is not empty, in order; junk gets an error."""
    for line in lines:
        if line.rstrip(b"\r\n"):
            yield _tag_line(tagger, line)


def _tag_line(tagger: Tagger, line: bytes) -> str:
    identifier: Any = None
    try:
        item = _object(line)
        identifier = _identifier(item.get("id"))
        found = plain(tagger.tag(_document(item)))
        return json.dumps({"id": identifier, **found}, ensure_ascii=False)
    except typer.BadParameter as error:
        why = f"published_at: {error.message}"
    except RecursionError:
        why = "nested too deeply"
    except (ValueError, TypeError, OverflowError) as error:
        why = str(error)
    return json.dumps({"id": identifier, "error": why}, ensure_ascii=False)


def _object(line: bytes) -> dict[str, Any]:
    item = json.loads(line.decode("utf-8"), parse_constant=_refuse)
    if not isinstance(item, dict):
        raise TypeError("a line must hold one JSON object")
    return item


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")


def _identifier(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("the id is no finite number")
    return value


def _read(text: list[str] | None, file: Path | None) -> tuple[str, str | None]:
    if file is None and text != ["-"]:
        # Arguments that are no UTF-8 come as lone surrogates, which no output could write.
        title = " ".join(text or ()).encode(errors="surrogateescape").decode(errors="replace")
        if not title.strip():
            raise ConfigError("tag needs a text that is not empty")
        return title, None
    try:
        stream = sys.stdin.buffer if file is None else file.open("rb")
        with stream if file is not None else nullcontext():
            data = stream.read(MAX_TEXT + 1)
    except (OSError, ValueError) as error:
        raise MonitorError(f"{file}: cannot be read: {_reason(error)}") from error
    name = "stdin" if file is None else file
    if len(data) > MAX_TEXT:
        raise MonitorError(f"{name}: larger than {MAX_TEXT >> 20} MiB; this is no article")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MonitorError(f"{name}: not UTF-8 at byte {error.start}") from error
    title, _, content = whole.strip().partition("\n")
    return title, content.strip() or None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


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
        yield f"{tagged.theme}: {tagged.kind or 'no kind'}, score {tagged.score:.2f}"
    for tagged in found.below:
        yield f"below {tagged.theme}: {tagged.kind or 'no kind'}, score {tagged.score:.2f}"
    if not found.themes and not found.below:
        yield "no theme"
    names = ", ".join(dict.fromkeys(mention.entity for mention in found.entities))
    yield f"entities: {names or 'none'}"
    for fact in found.facts:
        yield f"fact: {fact.kind} {fact.unit} {fact.value} ({fact.text!r})"
    if found.attributed_to:
        yield f"attributed to {found.attributed_to}"
    for reason in (*found.reasons, *_below_reasons(found)):
        yield f"because {reason}"
