"""What the pages of a source usually look like, and in which way a poll departs from it.

An upstream that renames a field or sends zeros answers 200 and parses; only its shape tells.
For each page shape and record kind a fingerprint keeps the usual rows of a page, the fewest
lately, and the share of rows without each field. Pure; fingerprints are JSON values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from storage.records import Batch, QuoteRecord

KINDS = ("markets", "quotes", "candles", "trades", "items", "standings")
POLLS_TO_JUDGE = 5
ROWS_TO_JUDGE = 3
FIELD_ROWS = 5
# How much a poll weighs in what is usual; one that departs from it hardly counts, so that the
# finding lasts for some forty polls unless the upstream mends.
WEIGHT = 0.2
ODD_WEIGHT = 0.005
USUALLY_THERE = 0.8
ALL = 0.98
NEVER = 0.02
FEW = 0.2
LISTING = 10
NO_PRICE = "price"
ZERO = "price of 0"
EXTREME = "price at an end"
_PRICES = ("bid", "ask", "last", "value")
_ENDS = (0.001, 0.999)

Fingerprint = dict[str, Any]


@dataclass(slots=True)
class Look:
    """What one poll showed of one kind on the pages of one shape.

    `shares` are shares of rows 0..1: without a field, and of prices that are 0 or at an end.
    """

    kind: str
    pages: list[int] = field(default_factory=list)
    refused: int = 0
    shares: dict[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Return the rows of all pages."""
        return sum(self.pages)


def looks(parsed: Iterable[tuple[str, Batch]]) -> dict[str, Look]:
    """Return what a poll shows by `shape/kind`, of pages each named by its shape.

    A kind that a shape did not bring has rows 0 there, so that its loss is seen.
    """
    by_shape: dict[str, list[Batch]] = {}
    for shape, batch in parsed:
        by_shape.setdefault(shape, []).append(batch)
    return {
        f"{shape}/{kind}": _look(kind, batches)
        for shape, batches in by_shape.items()
        for kind in KINDS
    }


def findings(known: Fingerprint, seen: Mapping[str, Look]) -> dict[str, list[str]]:
    """Return by `shape/kind` how `seen` departs from what is `known`, in words.

    Only those judged are keys; judged and found sound is an empty list.
    """
    return {
        key: _findings(known[key], look)
        for key, look in seen.items()
        if key in known and known[key]["polls"] >= POLLS_TO_JUDGE
    }


def updated(
    known: Fingerprint, seen: Mapping[str, Look], found: Mapping[str, Sequence[str]]
) -> Fingerprint:
    """Return the fingerprint after a poll; `found` are its findings, which are learned slowly."""
    news = {
        key: _learned(known.get(key), look, ODD_WEIGHT if found.get(key) else WEIGHT)
        for key, look in seen.items()
        if look.rows or key in known
    }
    return {**known, **news}


def drift_after(
    drift: Mapping[str, Any] | None, found: Mapping[str, Sequence[str]], *, at: str
) -> dict[str, Any] | None:
    """Return the drift after a poll: `since` and `said` by `shape/kind`; None when there is none.

    `at` is the poll's instant as text. What this poll could not judge stays as it was.
    """
    before = dict(drift["said"]) if drift else {}
    said = {key: list(words) for key, words in {**before, **found}.items() if words}
    if not said:
        return None
    return {"since": drift["since"] if drift else at, "said": said}


def drift_words(drift: Mapping[str, Any] | None) -> list[str]:
    """Return what a stored drift says, each thing once."""
    if not drift:
        return []
    return list(dict.fromkeys(word for words in drift["said"].values() for word in words))


def _look(kind: str, batches: Sequence[Batch]) -> Look:
    rows = [row for batch in batches for row in getattr(batch, kind)]
    refused = sum(len(batch.rejects) for batch in batches)
    look = Look(kind, [len(getattr(batch, kind)) for batch in batches], refused)
    if rows:
        look.shares = {
            each.name: _share(getattr(row, each.name) in (None, "", ()) for row in rows)
            for each in fields(rows[0])
        }
    if kind == "quotes" and rows:
        prices = [_price(row) for row in rows]
        known = [price for price in prices if price is not None]
        look.shares[NO_PRICE] = 1 - len(known) / len(prices)
        look.shares[ZERO] = _share(price == 0 for price in known)
        look.shares[EXTREME] = _share(not _ENDS[0] < price < _ENDS[1] for price in known)
    return look


def _price(quote: QuoteRecord) -> float | None:
    values = [getattr(quote, name) for name in _PRICES]
    said = [float(value) for value in values if value is not None]
    return max(said) if said else None


def _share(flags: Iterable[bool]) -> float:
    given = list(flags)
    return sum(given) / len(given) if given else 0.0


def _findings(known: Mapping[str, Any], look: Look) -> list[str]:
    if not look.rows:
        return _no_rows(known, look)
    found = _fewer_rows(known, look)
    if look.rows < ROWS_TO_JUDGE:
        return found
    shares: Mapping[str, float] = known["shares"]
    if look.kind == "quotes":
        found += [
            f"quotes: every price {words}"
            for name, words in ((NO_PRICE, "is missing"), (ZERO, "became 0"))
            if look.shares[name] >= ALL and shares.get(name, 1.0) <= 1 - USUALLY_THERE
        ]
        extreme = look.shares[EXTREME] >= ALL and shares.get(EXTREME, 1.0) <= 1 - USUALLY_THERE
        if extreme and not found:
            found.append("quotes: every price stands at 0 or 1")
    if look.rows >= FIELD_ROWS and not found:
        found += _vanished(look, shares)
    return found


def _vanished(look: Look, shares: Mapping[str, float]) -> list[str]:
    special = (NO_PRICE, ZERO, EXTREME)
    return [
        f"{look.kind}: {name} vanished (was in {(1 - shares[name]) * 100:.0f} %)"
        for name, missing in look.shares.items()
        if name not in special
        and 1 - missing <= NEVER
        and 1 - shares.get(name, 1.0) >= USUALLY_THERE
    ]


def _no_rows(known: Mapping[str, Any], look: Look) -> list[str]:
    if known["least"] < 1:
        return []
    if look.refused >= max(1.0, known["rows"] * len(look.pages) / 2):
        return [f"{look.kind}: all rows dropped, {look.refused} refused"]
    if known["least"] < ROWS_TO_JUDGE:
        return []
    return [f"{look.kind}: no rows, where a page had about {known['rows']:.0f}"]


def _fewer_rows(known: Mapping[str, Any], look: Look) -> list[str]:
    least, most = known["least"], max(look.pages)
    if least < LISTING or most > least * FEW:
        return []
    return [f"{look.kind}: rows of a page fell from about {known['rows']:.0f} to {most}"]


def _learned(known: Mapping[str, Any] | None, look: Look, weight: float) -> Fingerprint:
    mean = look.rows / len(look.pages)
    if known is None:
        shares = {name: round(share, 4) for name, share in look.shares.items()}
        return {"polls": 1, "rows": round(mean, 2), "least": min(look.pages), "shares": shares}
    rows = known["rows"] + weight * (mean - known["rows"])
    # The fewest rows are forgotten slowly, and only what is usual may set a new low.
    risen = known["least"] + ODD_WEIGHT * (rows - known["least"])
    least = min(min(look.pages), risen) if weight == WEIGHT else risen
    shares = dict(known["shares"])
    for name, share in look.shares.items():
        before = shares.get(name, share)
        shares[name] = round(before + weight * (share - before), 4)
    return {
        "polls": known["polls"] + 1,
        "rows": round(rows, 2),
        "least": round(least, 2),
        "shares": shares,
    }
