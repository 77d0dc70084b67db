"""What speaks against reading a claim as news for a theme; each with its points."""

from __future__ import annotations

import re
from collections.abc import Iterable

from signals.catalog import Catalog
from signals.cues import Block
from signals.mentions import Word
from signals.passages import Claim, Passage

BLOCKED = -0.40
OTHER_SUBJECT = -0.30
NO_MODEL = -0.25
ASKED = -0.25
DOUBTED = -0.15
INVESTOR = -0.30


def objections(claim: Claim, catalog: Catalog) -> Iterable[tuple[str, float]]:
    """Yield (reason, negative points) for everything that speaks against the claim."""
    yield from _blocks(claim, catalog.cues.blocks)
    yield from _questions(claim)
    if claim.subject.about != "model_family":
        return
    other = _other_product(claim, catalog)
    if other:
        yield f"about another product of the maker, {other}", BLOCKED
    if claim.kind in ("launch", "rumor") and not _names_a_model(claim, catalog):
        yield "no model or version is named", NO_MODEL
    if claim.kind == "funding" and _is_investor(claim):
        yield "named as the one who invests", INVESTOR
    actor = _other_actor(claim, catalog) or _other_subject(claim, catalog)
    if actor:
        yield f"said of somebody else: '{actor}'", OTHER_SUBJECT


def _questions(claim: Claim) -> Iterable[tuple[str, float]]:
    """Yield what a question mark takes: more from a real question than from a doubted report."""
    text = claim.passage.normal.text
    asked = [text[s:e] for s, e in sorted(claim.spans) if text[s:e].rstrip().endswith("?")]
    if any(_INTERROGATIVE.search(clause) for clause in asked):
        yield "asked, not told", ASKED
    elif asked:
        yield "told with a question mark", DOUBTED


def _blocks(claim: Claim, blocks: tuple[Block, ...]) -> Iterable[tuple[str, float]]:
    passage, spans = claim.passage, claim.spans
    hits: dict[int, Word] = {}
    lifted: dict[int, bool] = {}
    cue = claim.word
    for word in passage.around:
        if cue.start <= word.start and word.end <= cue.end and word.pattern is not cue.pattern:
            continue
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
    if claim.subject.mention.versioned and claim.is_beside:
        return None
    subject = claim.subject.mention.entity_id
    owner = catalog.top_owner(subject).id
    for mention in claim.passage.mentions:
        entity = catalog.entities[mention.entity_id]
        is_model = entity.kind == "model_family" and entity.family is None
        is_device = entity.kind == "device" and not claim.is_beside
        if entity.id == subject or not (is_model or is_device):
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


def _is_investor(claim: Claim) -> bool:
    """Return whether the name stands between "raised from" (获) and the cue that follows it."""
    mention, word, passage = claim.subject.mention, claim.word, claim.passage
    clause = passage.clause_of(mention.start)
    before = (w for w in passage.words_in(clause) if w.end <= mention.start)
    got = any("@gets" in w.pattern.labels for w in before)
    return got and claim.is_beside and word.start >= mention.end


def _other_actor(claim: Claim, catalog: Catalog) -> str:
    """Return who does it when the words before the deed name neither the model nor its maker.

    The deed is the cue ahead of the name: the claim's own, or another in the name's clause.
    """
    mention, passage = claim.subject.mention, claim.passage
    if claim.kind not in _DEEDS or "@nameless" in claim.word.pattern.labels:
        return ""
    clause = passage.clause_of(mention.start)
    ahead = (w for w in passage.words_in(clause) if w.end <= mention.start and _is_deed(w))
    own = claim.is_beside and claim.word.end <= mention.start
    deed = claim.word if own else next(ahead, None)
    if deed is None:
        return ""
    owner = catalog.top_owner(mention.entity_id).id
    for other in passage.mentions:
        if other.start < deed.start and catalog.top_owner(other.entity_id).id == owner:
            return ""
    before = [w for w in passage.words_in(clause) if w.end <= deed.start]
    if any("@chinese_maker" in w.pattern.labels for w in before):
        return ""
    return _bare(passage, clause[0], deed.start, before)


def _is_deed(word: Word) -> bool:
    return any(
        use.kind == "launch" and use.is_plain and not use.nominal for use in word.pattern.uses
    )


def _other_subject(claim: Claim, catalog: Catalog) -> str:
    """Return who is named with a cue that stands in another clause than the model.

    "GodeX 2 is out: MiniMax-M3 support" and "Grok is given up, says the founder of Kimi".
    """
    if claim.is_beside or claim.kind not in _DEEDS | {"delay_cancel"}:
        return ""
    passage, word = claim.passage, claim.word
    clause = passage.clause_of(word.start)
    owner = catalog.top_owner(claim.subject.mention.entity_id).id
    there = [m for m in passage.mentions if clause[0] <= m.start < clause[1]]
    owners = {catalog.top_owner(m.entity_id).id for m in there}
    if owner in owners:
        return ""
    named = [m for m in there if catalog.entities[m.entity_id].kind != "generic"]
    if named:
        return passage.original(named[0].start, named[0].end)
    before = [w for w in passage.words_in(clause) if w.end <= word.start]
    left = _bare(passage, clause[0], word.start, before)
    found = _FOREIGN_NAME.search(left)
    return found.group() if found else ""


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
# A product with its version, told of in its own clause: "godex v1.1".
_FOREIGN_NAME = re.compile(r"^[a-z][a-z.-]+ ?v?\d+(?:\.\d+)*")
_INTERROGATIVE = re.compile(
    r"(?<![a-z])(?:who|what|when|where|why|how|which|is|are|was|do|does|did|will|would|can|could"
    r"|should|has|have)(?![a-z])"
    r"|什么|何时|何以|吗|呢|谁|怎|哪|是不是|是否|会不会|能否|能不能|有没有|多少|为何|为啥|凭啥|如何|几时|还会|还能|么\?"
)
# Somebody else may rank a model or fund its lab; bringing it out and pricing it is its maker's.
_DEEDS = frozenset({"launch", "rumor", "partnership", "preorder", "price_change", "other"})
