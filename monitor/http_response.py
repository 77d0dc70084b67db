"""A finished exchange and its body as strict JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.errors import ParseError


@dataclass(frozen=True, slots=True)
class Response:
    """A finished exchange: the whole body, already decompressed and within the cap."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Return the body as JSON; raises ParseError naming the URL when it is not."""
        return load_json(self.body, what=self.url)


def load_json(body: bytes, *, what: str) -> object:
    """Return `body` as JSON, refusing NaN and Infinity; ParseError names `what`."""

    def refuse(word: str) -> object:
        raise ValueError(f"{word} is not JSON")

    try:
        return json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        head = body[:60].decode("utf-8", "replace")
        raise ParseError(f"{what}: not JSON ({error}); it begins {head!r}") from error
