"""A message: one alert or several, as every channel gets it, in the form each one takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from monitor.alerts.words import bundles, digest
from monitor.alerts.words.evidence import worded
from monitor.alerts.words.form_lines import ESCAPES, fact_line
from monitor.alerts.words.forms import Form, Template, failed_at, shipped
from monitor.alerts.words.plain_text import cut
from monitor.alerts.words.wording import Fact, Wording

MAX_SHOWN = 50
REPEAT_NOTE = "May repeat: an earlier attempt to send this may have arrived."


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel sends. `key` is the idempotency key, equal for every attempt.

    `at` is when it was decided (of several, the last), `said_at` when this attempt was made.
    `lines` begin with `first_line` and are exact; what goes to a chat is taken from `within`,
    `markdown` or `html`, where nobody is called and nothing is marked up by a text from outside.
    `alerts` are Alertmanager v4 entries without status, of every alert. `held` says why several
    became one: group, digest, quiet or storm; `group_labels` are what a group has in common.
    """

    rule: str
    kind: str
    severity: str
    title: str
    first_line: str
    lines: tuple[str, ...]
    at: datetime
    said_at: datetime
    group_key: str
    key: str = ""
    may_repeat: bool = False
    alerts: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    headline: str = ""
    held: str | None = None
    entries: tuple[Wording, ...] = ()
    notes: tuple[str, ...] = ()
    group_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Return how many alerts it tells."""
        return max(len(self.entries), 1)

    @property
    def phone(self) -> tuple[str, str]:
        """Return the two lines a phone shows: facts in English, then the original headline."""
        return self.first_line, self.headline

    @property
    def text(self) -> str:
        """Return all lines."""
        return "\n".join(self.lines)

    @property
    def body(self) -> str:
        """Return the lines after the first, for channels that show a title of their own."""
        return "\n".join(self.lines[1:])

    def within(
        self, limit: int | None = None, template: Template | None = None, *, titled: bool = True
    ) -> str:
        """Return plain text in at most `limit` characters, whole to the eye."""
        return self.written(Form.TEXT, limit, template, titled=titled)

    def markdown(
        self, limit: int | None = None, template: Template | None = None, *, titled: bool = True
    ) -> str:
        """Return CommonMark in at most `limit` characters; no construct is cut in two."""
        return self.written(Form.MARKDOWN, limit, template, titled=titled)

    def html(
        self, limit: int | None = None, template: Template | None = None, *, titled: bool = True
    ) -> str:
        """Return an HTML document in at most `limit` characters; no element is cut in two."""
        return self.written(Form.HTML, limit, template, titled=titled)

    def written(
        self,
        form: Form,
        limit: int | None = None,
        template: Template | None = None,
        *,
        titled: bool = True,
    ) -> str:
        """Return the message in `form`; facts or alerts that do not fit are left out, and counted.

        A `template` of another form is not used; one that fails, or whose fixed words alone are
        too long, gives way to ours, which says so.
        """
        notes = self.notes
        if template is not None and template.form is form:
            try:
                said = self._fitted(template, limit, notes, titled)
            except Exception as error:  # noqa: BLE001 - a template may raise anything; the alert goes out
                said, why = None, failed_at(error, template.name)
            else:
                why = f"{template.name}: it does not fit into {limit} characters"
            if said is not None:
                return said
            notes = (*notes, f"The channel's template failed, this is the built-in form. {why}")
        said = self._fitted(shipped(form), limit, notes, titled)
        return self._bare(form, limit or 0) if said is None else said

    def _fitted(
        self, template: Template, limit: int | None, notes: tuple[str, ...], titled: bool
    ) -> str | None:
        """Return what the template prints of as much as fits; None when even the least does not."""
        units = len(self._facts()) if self.count == 1 else min(self.count, MAX_SHOWN)

        def write(shown: int) -> str:
            return template.write({**self._values(shown), "notes": notes, "titled": titled})

        return _most(write, units, limit)

    def _values(self, shown: int) -> dict[str, Any]:
        facts, alone = self._facts(), self.count == 1
        return {
            "title": self.first_line,
            "headline": self.headline,
            "lang": self.entries[0].payload.get("lang") if alone and self.entries else None,
            "severity": self.severity,
            "rule": self.rule,
            "kind": self.kind,
            "at": self.at,
            "said_at": self.said_at,
            "key": self.key,
            "group_key": self.group_key,
            "held": self.held,
            "may_repeat": self.may_repeat,
            "count": self.count,
            "facts": facts[:shown] if alone else (),
            "cut": alone and shown < len(facts),
            "when": digest.time_form(self.entries),
            "entries": self.entries[: None if alone else shown],
            "more": 0 if alone else self.count - shown,
        }

    def _facts(self) -> tuple[Fact, ...]:
        if self.entries:
            return self.entries[0].facts
        return tuple(Fact("", line) for line in self.lines[1:])

    def _bare(self, form: Form, limit: int) -> str:
        escaped = ESCAPES[form]
        words = " ".join(filter(None, (self.first_line, self.headline)))
        if form in (Form.TEXT, Form.LINES):
            return cut(escaped(words), limit)
        return _most(lambda size: escaped(cut(words, size)), min(len(words), limit), limit) or ""


def render(
    payloads: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    key: str = "",
    may_repeat: bool = False,
    bundle: str | None = None,
) -> Message:
    """Return the message of one stored payload or of several, as said at `now` (aware UTC).

    Several become one message: the severest and newest first, two lines each, with the exact
    count of what is left out. `bundle` is what they waited in, as `group:RULE:theme=x`,
    `digest:RULE`, `quiet:NAME` or `storm`; None when they did not.
    Raises KeyError, TypeError or ValueError for a payload that is none of ours, or for none.
    """
    stored = [payloads] if isinstance(payloads, Mapping) else list(payloads)
    if not stored:
        raise ValueError("a message needs at least one alert")
    entries = digest.ordered(worded(payload, now) for payload in stored)
    held = bundles.held_by(bundle)
    notes = tuple(_notes(entries, held, now, may_repeat))
    first = entries[0]
    several = len(entries) > 1
    first_line = digest.heading(entries, held) if several else first.title
    message = Message(
        rule=digest.shared((entry.rule for entry in entries), "several"),
        kind=digest.shared((entry.kind for entry in entries), "several"),
        severity=first.severity,
        title=cut(first_line, 250),
        first_line=first_line,
        lines=(),
        at=max(entry.at for entry in entries),
        said_at=now,
        group_key=bundles.group_key(bundle, {str(each["group_key"]) for each in stored}, key),
        key=key,
        may_repeat=may_repeat,
        alerts=tuple(_v4_entries(entries)),
        headline=first.title if several else first.headline,
        held=held,
        entries=entries,
        notes=notes,
        group_labels=bundles.group_labels(bundle),
    )
    return replace(message, lines=tuple(message.written(Form.LINES).split("\n")))


def _notes(
    entries: Sequence[Wording], held: str | None, now: datetime, may_repeat: bool
) -> Iterator[str]:
    if len(entries) == 1 and (note := digest.held_note(held, entries[0].at, now)):
        yield note
    if may_repeat:
        yield REPEAT_NOTE


def _v4_entries(entries: Sequence[Wording]) -> Iterator[Mapping[str, Any]]:
    for entry in entries:
        said = (entry.title, entry.headline, *(fact_line(fact, Form.LINES) for fact in entry.facts))
        description = "\n".join(line for line in said if line)
        for index, alert in enumerate(entry.payload.get("alerts", ())):
            own = alert["annotations"].get("summary", entry.title) if index else description
            yield {**alert, "annotations": {**alert["annotations"], "description": own}}


def _most(write: Callable[[int], str], units: int, limit: int | None) -> str | None:
    """Return what `write` makes of as many units as fit, all of them where they do."""
    said = write(units)
    if limit is None or len(said) <= limit:
        return said
    fitting, low, high = None, 0, units - 1
    while low <= high:
        middle = (low + high) // 2
        if len(said := write(middle)) <= limit:
            fitting, low = said, middle + 1
        else:
            high = middle - 1
    return fitting
