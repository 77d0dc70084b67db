"""The items of a feed as XML elements, for what the plain reading of a feed leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

_MAX_BYTES = 8 << 20


def elements_by_id(body: bytes) -> dict[str, Element]:
    """Return each item or entry by its guid or id; of several with one id the first.

    For bodies that RssSource has taken. A document that is not well-formed gives what came before
    its first fault; one that declares entities, or is larger than any of the machine-made feeds
    this is for, gives nothing.
    """
    found: dict[str, Element] = {}
    if len(body) > _MAX_BYTES or b"<!ENTITY" in body:
        return found
    parser: XMLPullParser[Element] = XMLPullParser(("end",))
    try:
        parser.feed(body.lstrip())
        parser.close()
    except (ParseError, ValueError, LookupError):
        pass  # the events before the fault are still there
    try:
        for event in parser.read_events():
            element = event[-1]
            if isinstance(element, Element) and _name(element) in ("item", "entry"):
                found.setdefault(text_of(element, "guid") or text_of(element, "id"), element)
    except ParseError:
        pass  # the fault itself stands last in the queue
    return found


def text_of(element: Element, name: str) -> str:
    """Return the text of the first child called `name` in any namespace, "" when there is none."""
    child = child_of(element, name)
    return "" if child is None else "".join(child.itertext()).strip()


def attribute_of(element: Element, name: str, attribute: str) -> str:
    """Return an attribute of the first child called `name`, "" when there is none."""
    child = child_of(element, name)
    return "" if child is None else (child.get(attribute) or "").strip()


def child_of(element: Element, name: str) -> Element | None:
    """Return the first child called `name` in any namespace."""
    return next(children_of(element, name), None)


def children_of(element: Element, name: str) -> Iterator[Element]:
    """Yield the children called `name` in any namespace."""
    return (child for child in element if _name(child) == name)


def _name(element: Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
