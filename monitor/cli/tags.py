"""`tag`: why a text belongs to which theme; the same tagger as the daemon's."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.arguments import parse_when
from monitor.cli.context import Options, print_json, utc_now
from monitor.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from monitor.config import Config
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

    `--jsonl` answers each line of stdin with one line, junk and empty ones too; the other options
    hold for lines that do not say themselves.
    """
    from monitor.topics import open_topics
    from signals.tagger import Document

    options: Options = context.obj
    if sum((bool(text), file is not None, jsonl)) != 1:
        raise ConfigError("tag needs one of a text, --file FILE, --jsonl, or - for stdin")
    tagger = open_topics(config_or_shipped(options)).tagger
    published = parse_when(published_at, now=utc_now(), option="--published-at")
    if jsonl:
        instant = published.isoformat() if published else None
        given = {"published_at": instant, "source": source, "lang": lang}
        for line in tag_lines(tagger, sys.stdin.buffer, given):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()  # who writes one line and waits for its answer gets it
        return
    title, content = _read(text, file)
    found = tagger.tag(
        Document(title, content=content, published_at=published, source=source, lang=lang)
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


def config_or_shipped(options: Options) -> Config:
    """Return the config; the shipped one where there is no config file."""
    from monitor.config import parse_config, shipped_text

    if options.config_path is None and not options.config_file().exists():
        return parse_config(shipped_text(), name="config.yaml", folder=Path())
    return options.load_config()


def tag_lines(
    tagger: Tagger, stream: IO[bytes], given: Mapping[str, str | None] | None = None
) -> Iterator[str]:
    """Yield one JSON text for each line of `stream`, in order; what is no item gets an error.

    `given` holds for items that lack a field.
    """
    known = {name: value for name, value in (given or {}).items() if value is not None}
    for line in _lines(stream):
        if line is None:
            yield _error(None, f"the line is longer than {MAX_TEXT >> 20} MiB")
        else:
            yield _tag_line(tagger, line, known)


def _lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    """Yield lines; None for one longer than MAX_TEXT, which is never held as a whole."""
    while line := stream.readline(MAX_TEXT + 1):
        if len(line) <= MAX_TEXT:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_TEXT)
        yield None


def _tag_line(tagger: Tagger, line: bytes, given: Mapping[str, str]) -> str:
    from monitor.documents import identifier, read_document, read_object

    name: Any = None
    try:
        item = read_object(line)
        name = identifier(item)
        found = plain(tagger.tag(read_document({**given, **item} if given else item)))
        return json.dumps({"id": name, **found}, ensure_ascii=False)
    except (ValueError, TypeError, OverflowError) as error:
        return _error(name, str(error))


def _error(name: Any, why: str) -> str:
    return json.dumps({"id": name, "error": why}, ensure_ascii=False)


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
