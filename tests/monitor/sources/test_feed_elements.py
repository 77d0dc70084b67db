from __future__ import annotations

import pytest

from monitor.sources.feeds.elements import (
    attribute_of,
    children_of,
    elements_by_id,
    text_of,
)

RSS = b'<rss><channel><item><guid>a</guid><source url="u">S</source></item><item><guid>b</guid>'
ATOM = (
    b'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:x="https://x.example/"><entry><id> 1 </id>'
    b"<x:n>one</x:n><n>two <b>bold</b></n></entry><entry><id>1</id></entry></feed>"
)


def test_elements_are_found_by_their_id_whatever_their_namespace() -> None:
    entry = elements_by_id(ATOM)["1"]

    assert text_of(entry, "n") == "one"
    assert ["".join(n.itertext()) for n in children_of(entry, "n")] == ["one", "two bold"]


def test_what_is_missing_is_empty_text() -> None:
    item = elements_by_id(RSS + b"</item></channel></rss>")["a"]

    assert (attribute_of(item, "source", "url"), attribute_of(item, "source", "no")) == ("u", "")
    assert (text_of(item, "no"), attribute_of(item, "no", "url")) == ("", "")


@pytest.mark.parametrize("rest", [b"", b"<", b"&nope;", b"</guid>", b"\x00", b"\xff"])
def test_a_broken_document_gives_what_came_before_the_fault(rest: bytes) -> None:
    assert list(elements_by_id(RSS + rest)) == ["a"]


@pytest.mark.parametrize("body", [b"", b"{}", b"text", b"<?xml version='1.0' encoding='no'?><a/>"])
def test_what_is_no_markup_gives_nothing(body: bytes) -> None:
    assert elements_by_id(body) == {}


def test_declared_entities_are_refused() -> None:
    bomb = b'<!DOCTYPE r [<!ENTITY a "aaaa">]><rss><item><guid>&a;</guid></item></rss>'

    assert elements_by_id(bomb) == {}
