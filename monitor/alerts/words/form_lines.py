"""Lines of a message in each form: texts escaped, links as the form takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor.alerts.words.forms import Form
from monitor.alerts.words.markup import chat_text, html_text, link_target, markdown_text
from monitor.alerts.words.payload_parts import safe_url
from monitor.alerts.words.plain_text import clean
from monitor.alerts.words.wording import Fact, Wording

ESCAPES: Mapping[Form, Callable[[str], str]] = {
    Form.LINES: clean,
    Form.TEXT: chat_text,
    Form.MARKDOWN: markdown_text,
    Form.HTML: html_text,
}


def fact_line(fact: Fact, form: Form) -> str:
    """Return one fact on one line in `form`: what it is about, what is so, its link."""
    escape, term = ESCAPES[form], fact.term
    if form is Form.MARKDOWN and term:
        head = f"**{escape(term)}:**"
    else:
        head = escape(f"{term}:") if term else ""
    parts = (head, escape(fact.text), link(fact, form))
    return " ".join(part for part in parts if part)


def under_line(entry: Wording, form: Form) -> str:
    """Return the second line of an alert among several: its headline and main link."""
    escape = ESCAPES[form]
    parts = [part for part in (escape(entry.headline), link(entry, form)) if part]
    return " ".join(parts) or escape(f"rule {entry.rule}")


def link(what: Fact | Wording, form: Form) -> str:
    """Return the link of a fact or alert; empty when it has none that is safe to show."""
    url = safe_url(what.url)
    if url is None or form is Form.LINES:
        return url or ""
    if form is Form.TEXT:
        return link_target(url)
    if form is Form.MARKDOWN:
        return f"[{markdown_text(what.host)}]({link_target(url)})"
    attributes = f'href="{html_text(url)}" rel="noreferrer" style="color:#2a5c8a"'
    return f"<a {attributes}>{html_text(what.host)}</a>"
