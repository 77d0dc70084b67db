"""What may go wrong with a route, set by a test or over the control endpoint."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

FaultKind = Literal[
    "status",
    "hang",
    "reset",
    "truncate",
    "not_json",
    "html",
    "bot_wall",
    "slow",
    "redirect",
    "gzip_bomb",
    "invalid_payload",
    "empty",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave.

    status: `status` with an optional `retry_after` header, sent as it stands.
    hang: no answer until the client gives up. reset: the connection is reset before an answer.
    truncate: the true headers and half of the body. slow: the true body in 20 pieces, `delay_s`
    apart. redirect: `status` (302 unless it is a 3xx) to `location`; also `redirect:<url>`.
    gzip_bomb: `size_bytes` of zeros, compressed. bot_wall: a challenge page with 403.
    not_json, html, empty: 200 with such a body. invalid_payload: the CLOB's 400.
    `times`: how many requests suffer; None is all until cleared.
    """

    kind: str
    status: int = 503
    retry_after: str | None = None
    times: int | None = None
    location: str = ""
    delay_s: float = 0.05
    size_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        name, _, target = self.kind.partition(":")
        if name not in get_args(FaultKind):
            known = ", ".join(get_args(FaultKind))
            raise ValueError(f"{self.kind!r} is no fault; known: {known}")
        if target:
            object.__setattr__(self, "location", target)
        object.__setattr__(self, "kind", name)

    @property
    def name(self) -> FaultKind:
        """Return the kind, checked."""
        return cast("FaultKind", self.kind)


class Faults:
    """The faults in force, by route name; safe to change while requests run.

    Route names: gamma:event gamma:keyset gamma:market gamma:markets gamma:search clob:book
    clob:books clob:history clob:market data:history data:trades data:resolutions data:trades-v1
    kalshi:events kalshi:event kalshi:markets kalshi:market kalshi:orderbooks kalshi:orderbook
    kalshi:candlesticks kalshi:trades kalshi:cutoff kalshi:status kalshi:historical
    manifold:search manifold:market manifold:probs manifold:bets
    feed:<name> datasets:filter news:search reddit:<sub> reddit:search arxiv:query
    hn:search gdelt:lastupdate gdelt:gkg gdelt:doc hf:models hf:papers
    github:<org>/<repo> github:<org>. A key `gamma`, `clob`, `feed` or `datasets` covers its routes,
    `*` every route.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}

    def set(self, route: str, fault: Fault) -> None:
        """Make `route` suffer `fault` from the next request on."""
        with self._lock:
            self._faults[route] = fault

    def clear(self, route: str | None = None) -> None:
        """Lift the fault of `route`, or all of them."""
        with self._lock:
            if route is None:
                self._faults.clear()
            else:
                self._faults.pop(route, None)

    def take(self, route: str) -> Fault | None:
        """Return the fault that this request of `route` suffers, counting it."""
        with self._lock:
            for key in (route, route.partition(":")[0], "*"):
                fault = self._faults.get(key)
                if fault is None:
                    continue
                if fault.times is not None:
                    if fault.times <= 1:
                        del self._faults[key]
                    else:
                        self._faults[key] = replace(fault, times=fault.times - 1)
                return fault
        return None
