"""Finding stories: near-duplicate titles against rensa's MinHash, cost against history."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from statistics import median

import rensa

from benchmarks.measure import Figure, cpu_seconds, paired, speed
from monitor import catalog_file
from signals.stories import StoryKey, StoryReader, join
from signals.story_index import StoryIndex, WordIndex
from signals.story_titles import words
from signals.text import fold

TITLES = 20_000
PLANTED = 0.15
SHARE = 0.5
RAREST = 4
ROUNDS = 5
SHORT, LONG = 10_000, 100_000
LAST = 2_000
PER_HOUR = 100
START = datetime(2026, 3, 2, tzinfo=UTC)


def figures(folder: Path) -> list[Figure]:
    """Return the lines of all story cases; `folder` is not used."""
    del folder
    titles, planted = a_corpus(TITLES)
    return [*near_titles(titles, planted), whole_join(titles), *history()]


def near_titles(titles: Sequence[str], planted: Sequence[tuple[int, int]]) -> list[Figure]:
    """Measure every title read into words and looked up among all before it."""
    found: list[set[tuple[int, int]]] = []

    def ours() -> None:
        index = WordIndex(lists=RAREST)
        pairs: set[tuple[int, int]] = set()
        for place, title in enumerate(titles):
            told = frozenset(words(fold(title)))
            pairs.update((other, place) for other, _ in index.near(told, SHARE))
            index.add(told)
        found.append(pairs)

    def theirs() -> None:
        index = rensa.RMinHashLSH(threshold=SHARE, num_perm=64, num_bands=16)
        for place, title in enumerate(titles):
            minhash = rensa.RMinHash(num_perm=64, seed=7)
            minhash.update(list(frozenset(words(fold(title)))))
            index.query(minhash)
            index.insert(place, minhash)

    pair = paired(ours, theirs, rounds=ROUNDS)
    read = [frozenset(words(fold(title))) for title in titles]
    alike = [(a, b) for a, b in planted if _share(read[a], read[b]) >= SHARE]
    recall = sum(pair in found[-1] for pair in alike) / len(alike)
    return [
        speed("near titles of 20k / rensa 64x16", pair, TITLES, at_least=0.25),
        Figure(
            "planted edits found", f"{recall:.4f}", "-", f"{recall:.4f}", ">= 0.99", recall >= 0.99
        ),
    ]


def whole_join(titles: Sequence[str]) -> Figure:
    """Measure reading a title, finding its story and joining it, per title."""
    reader = StoryReader(catalog_file.load())
    spent = cpu_seconds(lambda: _join_all(reader, titles)) / len(titles) * 1e3
    return Figure("read and join a title", f"{spent:.3f} ms", "-", "-", "<= 1 ms", spent <= 1)


def history() -> list[Figure]:
    """Measure the last titles of a long history against those of a short one."""
    corpus, _ = a_corpus(LONG)
    reader = StoryReader(catalog_file.load())
    keys = _keys(reader, corpus)
    short = _after(keys[:SHORT])
    long = _after(keys)
    ratio = median(cpu_seconds(long()) / cpu_seconds(short()) for _ in range(ROUNDS))
    return [
        Figure(
            "join after 100k items / after 10k",
            "-",
            "-",
            f"{ratio:.2f}x",
            "<= 1.5x",
            ratio <= 1.5,
        )
    ]


def a_corpus(count: int) -> tuple[list[str], list[tuple[int, int]]]:
    """Return titles, every seventh an edit of an earlier one, and those (earlier, edit) pairs."""
    rng = random.Random(11)
    names = ("Zetacorp", "Alibaba", "Xiaomi", "Baidu", "OpenAI", "阿里巴巴", "小米", "百度")
    # As in news: a few words in every title, most words in few.
    stock = [f"{a}{b}{c}" for c in _HEADS for a in _HEADS for b in _TAILS]
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(stock))))
    titles: list[str] = []
    planted: list[tuple[int, int]] = []
    for place in range(count):
        if place > 100 and rng.random() < PLANTED:
            earlier = place - rng.randint(1, 100)
            titles.append(_edited(titles[earlier], stock, rng))
            planted.append((earlier, place))
        else:
            drawn = rng.choices(stock, cum_weights=weights, k=rng.randint(7, 12))
            titles.append(" ".join((rng.choice(names), *dict.fromkeys(drawn))))
    return titles, planted


def _edited(title: str, stock: Sequence[str], rng: random.Random) -> str:
    """Return a title with one word left out, put in or replaced."""
    said = title.split()
    place = rng.randrange(1, len(said))
    said[place : place + rng.randint(0, 1)] = [rng.choice(stock)] if rng.random() < 0.7 else []
    return " ".join(said)


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / (len(one | other) or 1)


def _keys(reader: StoryReader, titles: Sequence[str]) -> list[StoryKey]:
    return [
        StoryKey("wire", str(n), START + timedelta(hours=n / PER_HOUR), reader.read(title))
        for n, title in enumerate(titles)
    ]


def _join_all(reader: StoryReader, titles: Sequence[str]) -> None:
    index = StoryIndex()
    for key in _keys(reader, titles):
        index.add(key, join(key, index.near(key)).story_id)


def _after(keys: Sequence[StoryKey]) -> Callable[[], Callable[[], None]]:
    """Return what prepares an index over all but the last keys, and then joins those."""

    def prepared() -> Callable[[], None]:
        index = StoryIndex()
        for key in keys[:-LAST]:
            index.add(key, key.guid)

        def work() -> None:
            for key in keys[-LAST:]:
                index.add(key, join(key, index.near(key)).story_id)

        return work

    return prepared


_HEADS = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu")
_TAILS = tuple(
    f"{a}{b}" for a in "bdfgklmnprstvz" for b in ("an", "en", "il", "or", "um", "ix", "ay", "ek")
)
