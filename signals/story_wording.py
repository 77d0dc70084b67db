"""What sort of text a folded title is: a digest, a comment, a denial, the use of a thing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from signals.story_titles import language


def is_digest(text: str) -> bool:
    """Return whether a title lists several stories: by its name, or by its separators."""
    if _DIGEST.search(text):
        return True
    parts = [part.strip(" .\u3002") for part in _PARTS.split(text)]
    long = [part for part in parts if len(part) >= _DIGEST_PART]
    return len(long) >= (_HAN_PARTS if language(text) == "zh" else _LATIN_PARTS)


def is_comment(text: str) -> bool:
    """Return whether a title announces a test, advice or an opinion instead of a happening."""
    return _COMMENT.search(text) is not None


def denies(text: str) -> bool:
    """Return whether a title says that a report is not true."""
    return _DENIAL.search(text) is not None


def adopts(text: str, names_at: Sequence[int]) -> bool:
    """Return whether somebody else takes up a thing: "supports X", 接入X, "X is live on Y".

    `names_at` are the places where the names in the text start.
    """
    if _OFFERED.search(text):
        return True
    return any(
        0 <= start - found.end() <= _TAKEN_WITHIN
        for found in _TAKES_UP.finditer(text)
        for start in names_at
    )


_DIGEST_PART = 7
_HAN_PARTS = 2
_LATIN_PARTS = 3
_TAKEN_WITHIN = 6
# A slash between two Latin letters joins names ("AI/AR"), it separates no stories.
_PARTS = re.compile(r"[;|]|(?<![a-z0-9])/|/(?![a-z0-9])")
_DIGEST = re.compile(
    r"早报|晚报|日报|晨报|午报|周报|周刊|周记|月报|点1氪|点一氪|一周|本周|盘点|盘前|汇总"
    r"|(?<!\w)(?:weekly|roundup|round-up|digest|newsletter|briefing|recap|this week in"
    r"|week in review|top stories|daily brief|morning brief|what you missed)(?!\w)"
)
_COMMENT = re.compile(
    r"实测|测评|评测|体验|上手|教程|实战|攻略|解读|一文|揭秘|预言|为什么|如何|怎么|意味着|对比|盘一盘|预测|担忧"
    r"|涨超|跌超|大涨|大跌|重创|股价|概念股|\?$"
    r"|(?<!\w)(?:hands-on|review|tested|i tried|i put|how to|how it|why|what .{3,40} means?"
    r"|opinion|vs|shares|stocks?|guide|explained|compares?|comparison|ask hn)(?!\w)"
)
_TAKES_UP = re.compile(
    r"接入|适配|支持|上线|入驻|搭载|集成|引入|拥抱|跟进"
    r"|(?<!\w)(?:supports?|supporting|support for|integrat\w+|powered by|adds|embraces|runs)(?!\w)"
)
_OFFERED = re.compile(
    r"day ?0|首发适配|首批|完成.{0,8}适配|云服务"
    r"|(?<!\w)(?:live on|available (?:on|in|for|via|through)|now (?:in|on)|comes? to|coming to"
    r"|works with)(?!\w)"
)
_DENIAL = re.compile(
    r"(?<!\w)(?:denies|denied|deny|debunks?)(?!\w)|否认|辟谣|不实|谣言|假消息|子虚乌有"
)
