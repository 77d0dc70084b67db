"""Page furniture in plain text: what stands beside a story on its page and is not the story.

"Also read" fragments name other stories; taken for the text they would tag it with what it does
not say. Only whole lines of a known form go, and inside a line only what follows a colon up to
the end of its sentence, so that a paragraph which merely mentions such words stays.
"""

from __future__ import annotations

import re

from monitor.joiners import without_lone_joiners

# A caller who knows which text is a link says so with these; no text of others contains them.
LINK_ON, LINK_OFF = "\ue000", "\ue001"
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff"
    "\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad\ufffe\uffff]"
)
MARKS = re.compile(f"[{LINK_ON}{LINK_OFF}]")
_MENU_RUN = 4
_MENU_WIDTH = 30
_LONGEST = 400
_LONGEST_NOTICE = 160
_MOST_COLONS = 50
_HEADS = (
    r"also read|read also|read more|read next|see also|also see|don['’]t miss|more stories|"
    r"related(?: (?:articles?|stories|posts|reading|news|coverage|content|links?))?|"
    r"recommended(?: (?:reading|stories|articles|for you))?|you (?:may|might) also like|"
    r"(?:延伸|相关|推荐|更多|拓展|扩展)(?:阅读|文章|报道|内容)|(?:阅读|查看)更多|猜你喜欢|往期(?:回顾|推荐)"
)
_END = r"\s*[!.»›→…>]*"
_NETWORKS = r"(?:facebook|twitter|x|linkedin|whatsapp|reddit|telegram|e-?mail|pinterest|weibo)"
_JOIN = r"(?:please )?(?:subscribe|sign up|register|sign in|log ?in)"
_JOINED = (
    r"(?:newsletters?|e-?mails?|inbox|updates|alerts|account|access|podcast|channel|feed|free|"
    r"reading|comment|continue|community|briefing|digest|our)"
)
_LINES = (
    rf"(?:{_HEADS})(?:\s*[:：].{{0,300}}|{_END})",
    r"more from [^.!?:]{1,60}",
    r"read (?:more|the (?:full|original|rest)).{0,20}"
    r"\b(?:about|at|on|from|here|article|story|post)\b.{0,120}",
    r"the post .{1,300} (?:appeared first on|first appeared (?:on|in|at)) .{1,100}",
    r"this (?:post|article|story) .{0,60}(?:appeared|published) (?:first )?(?:on|in|at|by) .{1,90}",
    rf"{_JOIN}(?: now| here| today| free)?{_END}",
    rf"{_JOIN} (?:to|for|with) .{{0,100}}\b{_JOINED}\b.{{0,60}}",
    r"subscribe to [^.!?:]{1,60}",
    r"(?:get|join|receive) .{0,80}\b(?:newsletter|in your inbox)\b.{0,60}",
    r"follow (?:us|me)\b.{0,120}",
    r"share (?:this|it)\b.{0,40}",
    rf"(?:share|tweet|post|print|e-?mail) (?:on|via|to|by) {_NETWORKS}\b.{{0,40}}",
    r"click here\b.{0,120}",
    r"(?:continue|keep) reading\b.{0,120}",
    r"leave a (?:comment|reply).{0,60}",
    r"(?:advertisement|sponsored(?: content| by .{1,60})?|skip to (?:main )?content|menu|share|"
    rf"toggle navigation|back to top|view (?:all|comments)|load more|comments?){_END}",
    r"(?:image|photo|picture) (?:credits?|source|courtesy)\b.{0,120}",
    r"(?:image|photo) by [^.!?]{1,60}",
    r"(?:[©Ⓒ]|\(c\) ?\d{4}|copyright\s*(?:©|\(c\)|\d{4})).{0,140}",
    r"请?(?:点击|戳)(?:这里|此处|下方|上方|链接|图片|查看|阅读|关注|蓝字|“|「|原文).{0,60}",
    r"请?(?:扫码|扫一扫|(?:长按|扫描|识别).{0,8}(?:二维码|小程序码)).{0,10}"
    r"(?:关注|加入|添加|进群|下载|查看|阅读|领取|报名|订阅|咨询).{0,40}",
    r"请?(?:长按|扫描|识别).{0,8}(?:二维码|小程序码)",
    r"(?:欢迎|敬请|请)?(?:关注|订阅)(?:我们|本站|本号|公众号|微信公众号|官方微信).{0,60}",
    r"(?:责任编辑|责编|编辑|校对|排版|审校|值班编辑)\s*[:：丨|｜/].{0,40}",
    rf"(?:(?:原文|来源|参考|本文|相关)(?:链接|地址)|(?:阅读|查看)(?:原文|全文))(?:\s*[:：].{{0,300}}|{_END})",
    r"原文\s*[:：]\s*https?://.{0,300}",
    r"广告(?:声明)?(?:\s*[:：].{0,200})?",
    r"(?:版权声明|免责声明|风险提示)\s*[:：].{0,300}",
    r"版权所有(?![者人权]).{0,80}",
    r"(?:未经|本文).{0,60}(?:不得|禁止|严禁|谢绝|请勿)(?:转载|使用|复制|摘编).{0,60}",
    r"(?:分享|转发|收藏)(?:到|至|给)(?:微信|微博|朋友圈|好友|QQ).{0,40}",
)
_LINE = re.compile("|".join(_LINES), re.IGNORECASE)
_RIGHTS = ("all rights reserved", "保留所有权利")
_FRAGMENT = re.compile(
    rf"(?:(?:(?<=[.!?。！？])|^)\s*(?:{_HEADS})"
    r"|(?-i:\b(?:Also Read|ALSO READ|Read Also|READ ALSO|Read More|READ MORE)))"
    r"\s*[:：][^\n.!?。！？]{0,300}[.!?。！？]?",
    re.IGNORECASE,
)
_BAR = re.compile(r"[|｜·•»>/丨]")
# The ends of `_HEADS`: a colon after anything else begins no fragment.
_HEAD_ENDS = (
    "read", "more", "next", "also", "see", "miss", "stories", "related", "recommended", "like",
    "article", "articles", "posts", "reading", "news", "coverage", "content", "for you",
    "link", "links",
    "阅读", "文章", "报道", "内容", "更多", "猜你喜欢", "回顾", "推荐",
)  # fmt: skip


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split("|")) - {""}


_MENU_WORDS = _words(
    "home|news|latest|latest news|top stories|about|about us|contact|contact us|menu|search",
    "login|log in|sign in|sign up|register|subscribe|newsletter|newsletters|podcasts|podcast",
    "videos|video|events|jobs|careers|advertise|privacy|privacy policy|terms|terms of use",
    "terms of service|cookie policy|help|faq|sitemap|rss|tags|categories|archive|archives|more",
    "share|facebook|twitter|x|linkedin|whatsapp|telegram|reddit|instagram|youtube|tiktok|email",
    "print|copy link|pinterest|wechat|weibo|business|technology|tech|science|politics|sports",
    "opinion|world|markets|reviews|features|deals|gaming|culture|ai|startups",
    "首页|新闻|资讯|快讯|视频|专题|活动|搜索|登录|注册|关于|关于我们|联系我们",
    "联系方式|投稿|广告合作|商务合作|加入我们|招聘|隐私政策|用户协议|免责声明|网站地图",
    "订阅|分享|微信|微博|知乎|抖音|小红书|公众号|客户端|收藏|评论|点赞|转发|更多",
    "返回顶部|科技|财经|汽车|人工智能|创业|直播|数码|手机",
)


def without_chrome(text: str) -> str:
    """Return `text` without lines and fragments that are page furniture; its lines stay lines.

    For plain text of any source. Lines that are a link and nothing else may carry LINK_ON and
    LINK_OFF around it; the marks are gone afterwards.
    """
    lines = [" ".join(line.split()) for line in text.split("\n")]
    kept = []
    for line in _without_menus([line for line in lines if line]):
        bare = _bare(line)
        if not bare.isprintable():
            bare = " ".join(visible(bare).split())
        if _may_hold_fragment(bare):
            bare = _FRAGMENT.sub("", bare).strip()
        if bare and not _is_furniture(bare):
            kept.append(bare)
    return "\n".join(kept)


def visible(text: str) -> str:
    """Return `text` without control characters and what else no reader sees."""
    return text if text.isprintable() else without_lone_joiners(_INVISIBLE.sub("", text))


def _may_hold_fragment(line: str) -> bool:
    """Return whether a head stands before any of the first colons, which is quickly told."""
    if ":" not in line and "：" not in line:
        return False
    befores = line.replace("：", ":").casefold().split(":", _MOST_COLONS)[:-1]
    return len(befores) == _MOST_COLONS or any(
        before.rstrip().endswith(_HEAD_ENDS) for before in befores
    )


def _is_furniture(line: str) -> bool:
    if len(line) > _LONGEST:
        return False
    if len(line) <= _LONGEST_NOTICE:
        lowered = line.casefold()
        if _is_bar(lowered) or any(words in lowered for words in _RIGHTS):
            return True
    return _LINE.fullmatch(line) is not None


def _is_bar(line: str) -> bool:
    """Return whether a casefolded line is a menu on one line: `home | news | about`."""
    if not _BAR.search(line):
        return False
    parts = [part.strip() for part in _BAR.split(line)]
    parts = [part for part in parts if part]
    return len(parts) >= 3 and all(part in _MENU_WORDS for part in parts)


def _without_menus(lines: list[str]) -> list[str]:
    """Return `lines` without runs of menu entries: short links, or words that only menus hold."""
    kept: list[str] = []
    run: list[str] = []
    for line in [*lines, ""]:
        if _is_menu_entry(line):
            run.append(line)
            continue
        if len(run) < _MENU_RUN:
            kept.extend(run)
        run = []
        kept.append(line)
    return kept


def _is_menu_entry(line: str) -> bool:
    if line.startswith(LINK_ON) and line.endswith(LINK_OFF):
        return 0 < len(_bare(line)) <= _MENU_WIDTH
    return len(line) <= _MENU_WIDTH and line.casefold() in _MENU_WORDS


def _bare(line: str) -> str:
    if LINK_ON not in line and LINK_OFF not in line:
        return line
    return " ".join(MARKS.sub("", line).split())
