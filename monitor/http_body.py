"""Reading a body without trusting it: a cap that holds on what comes out of the decoder.

httpx's own decoder inflates a whole network chunk before anyone can count it and takes a
truncated gzip for a finished one, so the raw bytes are inflated here, a slice at a time.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable

from monitor.errors import PermanentSourceError, TransientSourceError

ACCEPT_ENCODING = "gzip, deflate"
_SLICE = 64 * 1024
_MAX_MEMBERS = 1000
_GZIP = 16 + zlib.MAX_WBITS


async def read_body(
    raw: AsyncIterable[bytes], *, codings: list[str], max_bytes: int, what: str
) -> bytes:
    """Return the decoded body of at most `max_bytes`; never holds more than twice that.

    `codings` are the values of Content-Encoding in order. Raises PermanentSourceError when the
    body is larger or coded in a way we did not ask for, TransientSourceError when it is cut
    off or corrupt.
    """
    decoder = _decoder(codings, max_bytes, what)
    try:
        async for chunk in raw:
            decoder.feed(chunk)
        return decoder.finish()
    except zlib.error as error:
        raise TransientSourceError(f"{what}: the compressed body is corrupt ({error})") from error


class _Plain:
    """Keeps what it is given, up to the cap."""

    def __init__(self, max_bytes: int, what: str) -> None:
        self._max_bytes = max_bytes
        self._what = what
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        self.keep(chunk)

    def finish(self) -> bytes:
        return b"".join(self._parts)

    def keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max_bytes:
            self._parts.clear()
            raise PermanentSourceError(
                f"{self._what}: the body is larger than {self._max_bytes} bytes; "
                "raise http.max_bytes if that is expected"
            )
        self._parts.append(part)


class _Inflated:
    def __init__(self, plain: _Plain, what: str, *, gzip: bool) -> None:
        self._plain = plain
        self._what = what
        self._gzip = gzip
        self._inflater: zlib._Decompress | None = None
        self._members = 0

    def feed(self, chunk: bytes) -> None:
        data = chunk
        while data:
            inflater = self._inflater or self._begin(data)
            if inflater is None:
                return
            self._plain.keep(inflater.decompress(data, _SLICE))
            data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            self._inflater = None if inflater.eof else inflater

    def finish(self) -> bytes:
        while self._inflater is not None and not self._inflater.eof:
            part = self._inflater.decompress(self._inflater.unconsumed_tail, _SLICE)
            self._plain.keep(part)
            if not part:
                raise TransientSourceError(f"{self._what}: the compressed body is cut off")
        return self._plain.finish()

    def _begin(self, data: bytes) -> zlib._Decompress | None:
        """Return a fresh inflater; None when what follows the last member is only padding."""
        if self._members and not (self._gzip and data[:1] == b"\x1f"):
            if data.strip(b"\0"):
                raise TransientSourceError(f"{self._what}: stray bytes follow the compressed body")
            return None
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise PermanentSourceError(f"{self._what}: more than {_MAX_MEMBERS} gzip members")
        self._inflater = zlib.decompressobj(_GZIP if self._gzip else _deflate_window(data))
        return self._inflater


def _decoder(codings: list[str], max_bytes: int, what: str) -> _Plain | _Inflated:
    plain = _Plain(max_bytes, what)
    real = [coding.strip().lower() for coding in codings]
    real = [coding for coding in real if coding not in ("", "identity")]
    if not real:
        return plain
    if len(real) > 1 or real[0] not in ("gzip", "x-gzip", "deflate"):
        raise PermanentSourceError(
            f"{what}: the body is coded as {', '.join(real)[:80]!r}, but gzip or deflate was asked"
        )
    return _Inflated(plain, what, gzip=real[0] != "deflate")


def _deflate_window(data: bytes) -> int:
    """Return the window bits: many servers send raw deflate without the zlib head."""
    zlib_head = len(data) > 1 and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if zlib_head else -zlib.MAX_WBITS
