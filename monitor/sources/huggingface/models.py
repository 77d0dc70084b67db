"""An organisation's public models, read whole, against those it had at the last whole reading.

`createdAt` is when a repository was made, which labs do in private weeks before they publish: a
new public model can stand anywhere in the list, so only the set of ids tells what is new.
A repository that was renamed keeps its `_id` and is no release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.errors import ParseError
from monitor.http_response import load_json
from monitor.http_status import safe_url
from monitor.sources.base import Page, parse_each
from monitor.sources.instants import instant_or_none
from monitor.sources.numbers import count_or_none
from signals.model_families import family
from storage.records import Batch, ItemRecord, Reject

GONE = 2
_ID = re.compile(r"[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96}")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Repository:
    """One public model. `uid` is the hub's own key, which a rename keeps."""

    id: str
    uid: str | None
    likes: int
    task: str | None
    created_at: datetime | None

    @property
    def family(self) -> str:
        """Return the author and family by which variants are one, for comparing."""
        return _family(self.id)


@dataclass(frozen=True, slots=True)
class Known:
    """What earlier readings saw of one author.

    `missed` counts, for every id ever seen, the whole readings in a row without it; from GONE on
    it counts as withdrawn, and is still known, so that its return is no release. `at` is the last
    whole reading, ISO.
    """

    missed: Mapping[str, int]
    uids: frozenset[str]
    at: str

    def is_known(self, repository: Repository) -> bool:
        """Return whether a repository was seen before, perhaps under another name."""
        return repository.id in self.missed or repository.uid in self.uids


def cursor_key(author: str) -> str:
    """Return where an author's known models stand in the cursor."""
    return f"models:{author}"


def known_of(raw: object) -> Known | None:
    """Return what a cursor holds of one author; None before the first reading."""
    if not isinstance(raw, dict):
        return None
    missed, uids = raw.get("missed"), raw.get("uids")
    return Known(
        missed={str(k): int(v) for k, v in missed.items()} if isinstance(missed, dict) else {},
        uids=frozenset(map(str, uids)) if isinstance(uids, list) else frozenset(),
        at=str(raw.get("at") or ""),
    )


def models_batch(page: Page, *, source: str, base_url: str) -> Batch:
    """Return an item for each new family of a whole reading, and the new set as cursor.

    The body is an array of the answers in their order. Context: `author` (absent: any),
    `known`, the cursor's value (absent: this reading is the baseline and gives no items).
    Raises ParseError when an answer is no list, or none where models were known.
    """
    what = safe_url(page.url)
    rows = [row for answer in _answers(page.body, what) for row in answer]
    author = page.context.get("author")
    records, rejects = parse_each(rows, lambda row: _repository(row, author))
    unique: dict[str, Repository] = {}
    for record in records:
        if unique.setdefault(record.id, record) is not record:
            rejects.append(Reject("repeated repository", record.id))
    known = known_of(page.context.get("known"))
    if known is not None and known.missed and not unique:
        raise ParseError(f"{what}: no models of {author}, who had {len(known.missed)}")
    new = _new_families(unique.values(), known) if known is not None else []
    items = tuple(_item(group, known, source, base_url) for group in new)
    cursor: dict[str, object] = {}
    if author:
        cursor[cursor_key(str(author))] = _remembered(unique.values(), known, page.fetched_at)
    return Batch(items=items, rejects=tuple(rejects), cursor=cursor)


def _answers(body: bytes, what: str) -> list[list[object]]:
    answers = load_json(body, what=what)
    if not isinstance(answers, list):
        raise ParseError(f"{what}: expected the answers of one author in an array")
    for answer in answers:
        if isinstance(answer, dict) and "error" in answer:
            raise ParseError(f"{what}: the answer is an error: {answer['error']!r:.120}")
        if not isinstance(answer, list):
            raise ParseError(f"{what}: an answer that is not a list of models")
    return answers


def _repository(row: object, author: object) -> Repository:
    if not isinstance(row, dict):
        raise ValueError("a model that is not an object")  # noqa: TRY004 - bad data
    name = row.get("id") or row.get("modelId")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise ValueError("a model without an id of the form author/name")
    if author and name.partition("/")[0].casefold() != str(author).casefold():
        raise ValueError("a model of another author")
    if row.get("private") is True:
        raise ValueError("a private repository")
    task, uid = row.get("pipeline_tag"), row.get("_id")
    return Repository(
        id=name,
        uid=uid if isinstance(uid, str) and 0 < len(uid) <= 64 else None,
        likes=_likes(row.get("likes")),
        task=task[:80] if isinstance(task, str) else None,
        created_at=_instant(row.get("createdAt")),
    )


def _likes(raw: object) -> int:
    # Only ranks the repositories of one family.
    try:
        return count_or_none(raw) or 0
    except ValueError:
        return 0


def _instant(raw: object) -> datetime | None:
    try:
        return instant_or_none(raw)
    except ValueError:
        return None


def _new_families(repositories: Iterable[Repository], known: Known) -> list[list[Repository]]:
    """Return the new repositories of each family that nobody has seen before."""
    families = {_family(name) for name in known.missed}
    groups: dict[str, list[Repository]] = {}
    for repository in repositories:
        if known.is_known(repository):
            families.add(repository.family)
            continue
        groups.setdefault(repository.family, []).append(repository)
    return [group for name, group in groups.items() if name not in families]


def _item(
    group: Sequence[Repository], known: Known | None, source: str, base_url: str
) -> ItemRecord:
    # A fresh release has no likes yet; the shortest name is the model, the longer its variants.
    first = max(group, key=lambda repository: (repository.likes, -len(repository.id)))
    author, name = first.id.partition("/")[0], family(first.id)
    count = "1 repository" if len(group) == 1 else f"{len(group)} repositories"
    lines = [_line(repository) for repository in group[:_SHOWN]]
    if known is not None and known.at:
        lines.append(f"Not public yet when read at {known.at}.")
    return ItemRecord(
        source=source,
        guid=f"{author}/{name}",
        title=f"{author} published {name} on Hugging Face ({count})",
        url=f"{base_url}/{first.id}",
        content="\n".join(lines),
        lang="en",
        publisher=author,
        tier=1,
        seen_as="release",
    )


def _line(repository: Repository) -> str:
    created = repository.created_at
    parts = (
        repository.id,
        repository.task,
        f"repository made {created:%Y-%m-%d %H:%M} UTC" if created else None,
    )
    return ", ".join(part for part in parts if part)


def _remembered(
    repositories: Iterable[Repository], known: Known | None, at: datetime
) -> dict[str, object]:
    present = {repository.id: repository.uid for repository in repositories}
    before = known.missed if known else {}
    missed = {name: min(count + 1, GONE) for name, count in before.items() if name not in present}
    uids = {uid for uid in present.values() if uid} | set(known.uids if known else ())
    return {
        "missed": {**missed, **dict.fromkeys(present, 0)},
        "uids": sorted(uids),
        "at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
    }


def _family(name: str) -> str:
    return f"{name.partition('/')[0]}/{family(name)}".casefold()
