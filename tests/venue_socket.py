"""A market socket on loopback that tests speak through, and the messages it says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve


@dataclass
class VenueSocket:
    """What each connection said, in order of connecting, and the open ones."""

    url: str = ""
    pongs: bool = True
    heard: list[list[str]] = field(default_factory=list)
    open: list[ServerConnection] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.url.removeprefix("ws://")

    def requests(self, line: int = 0) -> list[dict[str, Any]]:
        """Return what a connection asked for, its keepalives left out."""
        return [json.loads(said) for said in self.heard[line] if said != "PING"]

    def listening(self, *tokens: str) -> bool:
        """Return whether the newest connection has asked for exactly `tokens`."""
        return bool(self.open) and [
            *map(set, (asked["assets_ids"] for asked in self.requests(-1)))
        ] == [set(tokens)]

    async def say(self, *messages: object) -> None:
        """Send each to every open connection: text as it is, everything else as JSON."""
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            for connection in self.open:
                await connection.send(text)

    async def drop(self) -> None:
        """Cut every connection as a broken network would."""
        for connection in list(self.open):
            connection.transport.abort()

    async def _talk(self, connection: ServerConnection) -> None:
        said: list[str] = []
        self.heard.append(said)
        self.open.append(connection)
        try:
            async for message in connection:
                said.append(str(message))
                if message == "PING" and self.pongs:
                    await connection.send("PONG")
        finally:
            self.open.remove(connection)


@asynccontextmanager
async def venue_socket(**given: Any) -> AsyncIterator[VenueSocket]:
    """Yield a running socket; `given` goes to the server of the library."""
    venue = VenueSocket()
    async with serve(venue._talk, "127.0.0.1", 0, **given) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        venue.url = f"ws://127.0.0.1:{port}"
        yield venue


def best(token: str, bid: str, ask: str) -> dict[str, str]:
    """Return a frame of a best bid and ask."""
    return {
        "event_type": "best_bid_ask",
        "market": "0xa1",
        "asset_id": token,
        "best_bid": bid,
        "best_ask": ask,
        "spread": "0.02",
        "timestamp": "1780315200000",
    }


def book(token: str, bid: str, ask: str) -> dict[str, object]:
    """Return a whole book of one level on each side."""
    return {
        "event_type": "book",
        "market": "0xa1",
        "asset_id": token,
        "bids": [{"price": bid, "size": "10"}],
        "asks": [{"price": ask, "size": "10"}],
        "hash": "0",
        "timestamp": "1780315200000",
    }


def trade(token: str, price: str) -> dict[str, str]:
    """Return a frame of a trade."""
    return {
        "event_type": "last_trade_price",
        "market": "0xa1",
        "asset_id": token,
        "price": price,
        "size": "3",
        "side": "BUY",
        "fee_rate_bps": "0",
        "timestamp": "1780315200000",
    }


def resolved(*tokens: str) -> dict[str, object]:
    """Return a frame of a market's result, which goes to everyone."""
    return {
        "event_type": "market_resolved",
        "id": "7",
        "market": "0xa1",
        "assets_ids": list(tokens),
        "winning_asset_id": tokens[0],
        "winning_outcome": "Yes",
        "timestamp": "1780315200000",
    }
