"""What speaks against reading a claim as news for a theme; each with its points."""

from __future__ import annotations

from collections.abc import Iterable

from signals.catalog import Catalog
from signals.cues import Block
from signals.mentions import Word
from signals.passages import Claim, Passage

BLOCKED = -0.40
OTHER_SUBJECT = -0.30
NO_MODEL = -0.25
ASKED = -0.25


def objections(claim: Claim, catalog: Catalog) -> Iterable[tuple[str, float]]:
    """Yield (reason, negative points) for everything that speaks against the claim."""
    yield from _blocks(claim, catalog.cues.blocks)
    text = claim.passage.normal.text
    if any(text[start:end].rstrip().endswith("?") for start, end in claim.spans):
        yield "asked, not told", ASKED
    if claim.subject.about != "model_family":
        return
    other = _other_product(claim, catalog)
    if other:
        yield f"about another product of the maker, {other}", BLOCKED
    if claim.kind in ("launch", "rumor") and not _names_a_model(claim, catalog):
        yield "no model or version is named", NO_MODEL
    actor = _other_actor(claim, catalog)
    if actor:
        yield f"said of somebody else: '{actor}'", OTHER_SUBJECT


def _blocks(claim: Claim, blocks: tuple[Block, ...]) -> Iterable[tuple[str, float]]:
    passage, spans = claim.passage, claim.spans
    hits: dict[int, Word] = {}
    lifted: dict[int, bool] = {}
    for word in passage.around:
        inside = passage.start <= word.start < passage.end
        near = inside and passage.clause_of(word.start) in spans
        for place in word.pattern.unless:
            lifted[place] = near or lifted.get(place, False)
        for place in word.pattern.blocks:
            if _applies(blocks[place], word, near, claim):
                hits.setdefault(place, word)
    for place, word in hits.items():
        block = blocks[place]
        if lifted.get(place, False) or (block.scope == "title" and place in lifted):
            continue
        yield f"block '{block.name}' {passage.quoted(word.start, word.end)}", BLOCKED


def _applies(block: Block, word: Word, near: bool, claim: Claim) -> bool:
    if block.about not in ("any", claim.subject.about):
        return False
    if (block.kinds and claim.kind not in block.kinds) or claim.passage.is_within_name(word):
        return False
    mention = claim.subject.mention
    if block.spares_versions and mention.versioned and claim.is_beside:
        return False
    if block.scope == "before":
        start = claim.passage.clause_of(mention.start)[0]
        return start <= word.start and word.end <= mention.start
    return near or block.scope == "title"


def _other_product(claim: Claim, catalog: Catalog) -> str | None:
    """Return a product of the same maker, beside the subject, that belongs to no family."""
    subject = claim.subject.mention.entity_id
    owner = catalog.top_owner(subject).id
    for mention in claim.passage.mentions:
        entity = catalog.entities[mention.entity_id]
        if entity.kind != "model_family" or entity.family is not None or entity.id == subject:
            continue
        near = claim.passage.clause_of(mention.start) in claim.spans
        if near and catalog.top_owner(entity.id).id == owner:
            return entity.id
    return None


def _names_a_model(claim: Claim, catalog: Catalog) -> bool:
    """Return whether what comes out is a model: versioned, or called one beside the cue."""
    if claim.subject.mention.versioned:
        return True
    passage, spans = claim.passage, claim.spans
    for word in passage.words:
        if "@model" in word.pattern.labels and passage.clause_of(word.start) in spans:
            return True
    owner = catalog.top_owner(claim.subject.mention.entity_id).id
    ours = [m for m in passage.mentions if catalog.top_owner(m.entity_id).id == owner]
    return any(mention.versioned for mention in ours)


def _other_actor(claim: Claim, catalog: Catalog) -> str:
    """Return who does it when the words before the cue name neither the model nor its maker."""
    mention, word, passage = claim.subject.mention, claim.word, claim.passage
    if not claim.is_beside or word.end > mention.start or claim.kind not in _DEEDS:
        return ""
    owner = catalog.top_owner(mention.entity_id).id
    for other in passage.mentions:
        if other.start < word.start and catalog.top_owner(other.entity_id).id == owner:
            return ""
    start = passage.clause_of(word.start)[0]
    before = [w for w in passage.words if start <= w.start and w.end <= word.start]
    if any("@chinese_maker" in w.pattern.labels for w in before):
        return ""
    return _bare(passage, start, word.start, before)


def _bare(passage: Passage, start: int, end: int, before: list[Word]) -> str:
    """Return what is left of a span without filler words, tags in brackets and punctuation."""
    text = list(passage.normal.text[start:end])
    for word in before:
        if "@filler" in word.pattern.labels:
            text[word.start - start : word.end - start] = " " * (word.end - word.start)
    left = "".join(text).strip()
    if left.startswith("[") and "]" in left:
        left = left.split("]", 1)[1].strip()
    return left if sum(char.isalpha() for char in left) >= _ACTOR_LETTERS else ""


_ACTOR_LETTERS = 2
# Somebody else may rank or price a model; bringing it out is its maker's deed.
_DEEDS = frozenset({"launch", "rumor", "partnership", "preorder", "other"})
