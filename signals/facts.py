"""Facts with units: money, dates, ranks, scores, percentages, versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from signals.dates import DateFound
from signals.mentions import Mention
from signals.text import HAN, Normal


@dataclass(frozen=True, slots=True)
class Fact:
    """One stated value at `[start, end)` of a field of the original text.

    `kind`: price (below a million), amount (money of a million and more), date, rank, score,
    percent, version, board. `value`: Decimal, or text for dates (ISO, as exact as given; "" when
    it stays unresolved), versions and boards. `unit`: ISO 4217 code, with what the price is for
    (`/1M tokens`, `/month`, `/year`); day, month, year or relative for dates; `top` for a rank
    within the first so many; the entity id for versions.
    """

    kind: str
    value: Decimal | str
    unit: str
    text: str
    field: str
    start: int
    end: int


def find_facts(
    normal: Normal,
    field: str,
    *,
    dates: Sequence[DateFound] = (),
    country: str | None = None,
    lang: str | None = None,
    mentions: Sequence[Mention] = (),
) -> tuple[Fact, ...]:
    """Return the facts of a normalised text in order of place, `dates` among them.

    `country` (of the subject's owner) and `lang` decide what a bare ¥ means: CNY for China,
    JPY for Japan, else the unit stays "¥". A market's question ("Will ...?") states nothing.
    """
    yen = _yen(normal, country, lang) if "¥" in normal.text else ""
    has_digit = _DIGIT.search(normal.text) is not None
    found = [
        *(_money(normal, field, yen) if has_digit else ()),
        *_dates(normal, field, dates),
        *_ranks(normal, field),
        *(_figures(normal, field) if has_digit else ()),
        *_versions(normal, field, mentions),
    ]
    if "?" not in normal.text:
        return tuple(sorted(found, key=lambda fact: (fact.start, fact.end)))
    asked = [found.span() for found in _QUESTION.finditer(normal.text)]
    spans = [normal.origin(*span) for span in asked if span[1] > span[0]]
    told = [f for f in found if not any(s <= f.start and f.end <= e for s, e in spans)]
    return tuple(sorted(told, key=lambda fact: (fact.start, fact.end)))


def _yen(normal: Normal, country: str | None, lang: str | None) -> str:
    code = (lang or "").lower()[:2]
    if country == "JP" or code == "ja" or (not code and _KANA.search(normal.text)):
        return "JPY"
    if country == "CN" or code == "zh" or (not code and _HAN.search(normal.text)):
        return "CNY"
    return "¥"


def _money(normal: Normal, field: str, yen: str) -> Iterable[Fact]:
    taken: list[tuple[int, int]] = []
    for pattern in (_PREFIXED, _SUFFIXED):
        for found in pattern.finditer(normal.text):
            if any(found.start() < e and found.end() > s for s, e in taken):
                continue
            taken.append(found.span())
            value = _value(found["number"], found["scale"])
            unit = _CURRENCY.get(found["unit"].strip(" .")) or yen
            kind = "amount" if value >= _AMOUNT_FROM else "price"
            unit += _per(normal.text, *found.span()) if kind == "price" else ""
            yield _fact(kind, value, unit, normal, field, *found.span())


def _per(text: str, start: int, end: int) -> str:
    """Return what a price at `[start, end)` is for: `/1M tokens`, `/month`, `/year` or nothing."""
    after = text[end : end + 60]
    if _PER_TOKENS.match(after) or _TOKENS_BEFORE.search(text, max(0, start - 24), start):
        return "/1M tokens"
    if _PER_MONTH.match(after) or _MONTH_BEFORE.search(text, max(0, start - 8), start):
        return "/month"
    return "/year" if _PER_YEAR.match(after) or _YEAR_BEFORE.search(text, 0, start) else ""


def _dates(normal: Normal, field: str, dates: Sequence[DateFound]) -> Iterable[Fact]:
    for found in dates:
        yield _fact("date", found.iso, found.precision, normal, field, found.start, found.end)


def _ranks(normal: Normal, field: str) -> Iterable[Fact]:
    text = normal.text
    for found in _RANK.finditer(text) if _RANK_HINT.search(text) else ():
        digits = next((group for group in found.groups() if group), "1")
        value = Decimal(_HAN_DIGITS.get(digits, digits))
        yield _fact("rank", value, "", normal, field, *found.span())
    for found in _TOP.finditer(text) if "top" in text or "前" in text else ():
        digits = found[1] or found[2]
        value = Decimal(_HAN_DIGITS.get(digits, _WORD_DIGITS.get(digits, digits)))
        yield _fact("rank", value, "top", normal, field, *found.span())
    for found in _BOARD.finditer(text) if _BOARD_HINT.search(text) else ():
        name = _BOARDS.get(found.group().replace(" ", ""), "LMArena")
        yield _fact("board", name, "", normal, field, *found.span())


def _figures(normal: Normal, field: str) -> Iterable[Fact]:
    text = normal.text
    for found in _SCORE.finditer(text) if _SCORE_HINT.search(text) else ():
        value = Decimal(next(group for group in found.groups() if group).replace(",", ""))
        yield _fact("score", value, "points", normal, field, *found.span())
    for found in _PERCENT.finditer(text) if "%" in text or "per" in text else ():
        value = Decimal(found[1].replace(",", ""))
        yield _fact("percent", value, "%", normal, field, *found.span())


def _versions(normal: Normal, field: str, mentions: Sequence[Mention]) -> Iterable[Fact]:
    for mention in mentions:
        if mention.versioned:
            start = mention.start if mention.alias.code else mention.name_end
            first, last = normal.origin(start, mention.end)
            version = normal.original[first:last].strip(" -_")
            start, end = mention.start, mention.end
            yield _fact("version", version, mention.entity_id, normal, field, start, end)


def _value(number: str, scale: str | None) -> Decimal:
    return Decimal(number.replace(",", "")) * _SCALE.get((scale or "").strip(), Decimal(1))


def _fact(
    kind: str, value: Decimal | str, unit: str, normal: Normal, field: str, start: int, end: int
) -> Fact:
    first, last = normal.origin(start, end)
    return Fact(kind, value, unit, normal.original[first:last], field, first, last)


_AMOUNT_FROM = Decimal(1_000_000)
_HAN = re.compile(f"[{HAN}]")
_KANA = re.compile("[\u3041-\u30ff]")
_HAN_DIGITS = dict(zip("一二三四五六七八九十", map(str, range(1, 11)), strict=True))
_SCALE = {
    "million": Decimal(10**6), "mn": Decimal(10**6), "m": Decimal(10**6), "k": Decimal(10**3),
    "billion": Decimal(10**9), "bn": Decimal(10**9), "b": Decimal(10**9),
    "trillion": Decimal(10**12), "tn": Decimal(10**12), "t": Decimal(10**12),
    "千": Decimal(10**3), "万": Decimal(10**4), "百万": Decimal(10**6), "千万": Decimal(10**7),
    "亿": Decimal(10**8), "百亿": Decimal(10**10), "千亿": Decimal(10**11), "万亿": Decimal(10**12),
}  # fmt: skip
_CURRENCY = {
    "$": "USD", "us$": "USD", "usd": "USD", "hk$": "HKD", "hkd": "HKD", "nt$": "TWD", "a$": "AUD",
    "c$": "CAD", "s$": "SGD", "€": "EUR", "eur": "EUR", "£": "GBP", "gbp": "GBP", "₩": "KRW",
    "krw": "KRW", "₹": "INR", "inr": "INR", "rmb": "CNY", "cny": "CNY", "cn¥": "CNY", "jpy": "JPY",
    "jp¥": "JPY", "yuan": "CNY", "renminbi": "CNY", "元": "CNY", "块钱": "CNY", "人民币": "CNY",
    "元人民币": "CNY", "美元": "USD", "美金": "USD", "港元": "HKD", "港币": "HKD", "欧元": "EUR",
    "日元": "JPY", "韩元": "KRW", "英镑": "GBP", "卢比": "INR", "新台币": "TWD", "yen": "JPY",
    "dollars": "USD", "dollar": "USD", "us dollars": "USD", "euros": "EUR", "euro": "EUR",
    "pounds": "GBP", "won": "KRW", "rupees": "INR",
}  # fmt: skip
_NUM = r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
_PREFIXED = re.compile(
    r"(?<![a-z0-9])(?P<unit>us\$|hk\$|nt\$|[acs]\$|cn¥|jp¥|[$€£₩₹¥]"
    r"|(?:rmb|cny|usd|eur|gbp|hkd|jpy|krw|inr))"
    rf" ?{_NUM}"
    r"(?P<scale>(?: ?(?:million|billion|trillion|bn|mn|tn|[mbtk](?![a-z])|[百千万]?[万亿]))?)"
)
_SUFFIXED = re.compile(
    rf"(?<![a-z0-9.,$¥€£]){_NUM}"
    r"(?P<scale>(?: ?(?:million|billion|trillion|bn|mn|[百千万]?亿|[百千]?万|千))?)"
    r" ?(?P<unit>元人民币|人民币|美元|美金|港元|港币|欧元|日元|韩元|英镑|卢比|新台币"
    r"|块钱|元(?![宝件素旦])|(?:yuan|renminbi|rmb|us dollars|dollars?|euros?|pounds|yen|won|rupees"
    r"|usd|eur|hkd|cny)(?![a-z]))"
)
_PER_TOKENS = re.compile(
    r"\)?(?: ?\([^)]{1,20}\))? ?(?:per|/|a|每) ?(?:1 ?)?(?:million|m|1m|百万) ?"
    r"(?:(?:input |output |输入|输出)?token(?![a-z]{2})|input(?![a-z])|output(?![a-z]))"
)
_TOKENS_BEFORE = re.compile(
    r"(?:每|per )?(?:百万|1m|million) ?(?:input |output |输入|输出)?tokens?"
    r"(?: for|输入|输出|价格|定价|仅需?|只需?|为|低至|约|:| )*$"
)
_PER_MONTH = re.compile(r" ?(?:a month|per month|/month|/mo(?![a-z])|monthly|/月|每月|一个月)")
_MONTH_BEFORE = re.compile(r"(?:每月|月费|月付)(?:仅需?|只需?|为|低至|约)?$")
_PER_YEAR = re.compile(r" ?(?:a year|per year|/year|annually|/年|每年|一年)")
_YEAR_BEFORE = re.compile(r"(?:每年|年费|年付)(?:仅需?|只需?|为|低至|约)?$")
_RANK = re.compile(
    r"(?<![\w&])#(\d{1,3})(?![\w-])|(?<!\w)no\. ?(\d{1,3})(?![\w.])|(?<!\w)number (one)(?!\w)"
    r"|第(\d{1,3})(?:名|位)?(?![\d个次代款批天届季期章节步年月周轮家集部条])"
    r"|(?:排名|位列|位居|跻身)第?([一二三四五六七八九十])(?![一二三四五六七八九十百])"
    r"|(?:全球|世界|国内|中国|国产|榜单)第([一二三四五六七八九十])(?![股家个批款代人次届时条大])"
    r"|(榜首)|(?:登顶|问鼎)(?!.{0,16}(?:榜首|第一|国产|国内|中国))"
    r"|(?<!\w)(?:tops|topped|takes first)(?!\w)"
)
_TOP = re.compile(
    r"(?<!\w)top[ -](\d{1,2}|three|four|five|ten|twenty)(?![\w%])"
    r"|前(\d{1,2}|[三五十])(?![年月天日次期个届\d所述])"
)
_WORD_DIGITS = {"three": "3", "four": "4", "five": "5", "ten": "10", "twenty": "20"}
_BOARDS = {
    "visionarena": "Vision Arena", "designarena": "Design Arena", "codearena": "Code Arena",
    "webdevarena": "Code Arena", "videoarena": "Video Arena", "imagearena": "Image Arena",
    "artificialanalysis": "Artificial Analysis", "openrouter": "OpenRouter",
    "swe-bench": "SWE-bench", "livebench": "LiveBench", "superclue": "SuperCLUE",
}  # fmt: skip
_BOARD = re.compile(
    r"(?:vision|design|code|webdev|video|image|lm|chatbot|text) ?arena|arena\.ai|lmsys"
    r"|artificial ?analysis|openrouter|swe-bench|livebench|superclue|(?:大模型|文本)竞技场"
)
_BOARD_HINT = re.compile(r"arena|analysis|router|lmsys|bench|superclue|竞技场")
_RANK_HINT = re.compile(
    r"[#第]|no\.|number one|tops|topped|takes first|排名|位列|位居|跻身|榜首|登顶|问鼎"
)
_SCORE_HINT = re.compile(r"scor|elo|rating|points|分")
_DIGIT = re.compile(r"\d")
_SCORE = re.compile(
    r"(?:scor(?:e|es|ed|ing)(?: of| a)?|elo(?: score| rating)?(?: of)?|rating of|得分|评分)"
    r" ?:? ?(\d{1,2},?\d{2,3}(?:\.\d+)?)(?![\d%])"
    r"|(?<![\d.,])(\d{1,2},?\d{3}) ?(?:points|elo|分(?![钟之期]))"
)
_PERCENT = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?) ?(?:%|percent(?!\w)|per cent)"
)
_QUESTION = re.compile(r"(?:^|(?<=[\n.!?])) *(?:market)?will [^\n?]{5,200}\?")
_HAN_DIGITS |= {"one": "1", "榜首": "1"}
