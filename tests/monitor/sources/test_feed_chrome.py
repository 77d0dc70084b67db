"""Sentences of our own; what is furniture goes, what merely mentions its words stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.feeds.chrome import LINK_OFF, LINK_ON, visible, without_chrome


@pytest.mark.parametrize(("text", "kept"), [
    ("Ring for 👨\u200d👩\u200d👧", "Ring for 👨\u200d👩\u200d👧"),
    ("❤\ufe0f\u200d🔥 \u200bsale", "❤\ufe0f\u200d🔥 sale"),
    ("ze\u200dta\u202e", "zeta"),
])  # fmt: skip
def test_a_family_stays_one_emoji_and_what_nobody_sees_goes(text: str, kept: str) -> None:
    assert visible(text) == kept


FURNITURE = [
    "Also Read: Zeta launches a ring in Example",
    "READ ALSO: Zeta launches a ring",
    "Read more",
    "Read more »",
    "Read more about the ring on Example Wire",
    "Read the full story at Example Wire",
    "Related: Zeta launches a ring",
    "Related articles",
    "Recommended for you",
    "You may also like",
    "Don’t miss: the ring of the year",
    "See also: rings",
    "More from Example Wire",
    "The post Acme ships a ring appeared first on Example Wire.",
    "The post Acme ships a ring first appeared on Example Wire.",
    "This article was originally published on Example Wire",
    "Subscribe",
    "Subscribe to our newsletter",
    "Please subscribe to our newsletter to get the ring news every day",
    "Sign up for free",
    "Sign up for our daily briefing",
    "Log in to continue",
    "Get the best of Example Wire in your inbox",
    "Follow us on Example",
    "Share this",
    "Share on Facebook",
    "Click here to see the ring",
    "Continue reading Acme ships a ring",
    "Leave a comment",
    "Advertisement",
    "Sponsored by Zeta",
    "Skip to content",
    "Image credit: Acme",
    "© 2026 Example Wire",
    "Copyright 2026 Example Media Inc.",
    "(c) 2026 Example Media",
    "Example Media Inc. All Rights Reserved.",
    "Home | News | About | Contact",
    "首页 > 资讯 > 科技",
    "点击查看更多内容",
    "点击这里阅读原文",
    "扫码关注示例日报",
    "长按识别二维码加入群聊",
    "欢迎关注公众号：示例日报",
    "责任编辑：张三",
    "编辑丨李四",
    "原文链接：https://wire.example/1",
    "阅读原文",
    "推荐阅读：另一篇示例文章",
    "相关阅读",
    "延伸阅读：示例",
    "广告",
    "版权声明：本文版权归示例日报所有",
    "未经授权，不得转载",
    "本文来自示例日报，未经许可禁止转载",
    "分享到微信朋友圈",
]
STORIES = [
    "Acme said readers would also read more about the ring after its launch.",
    "The related company Zeta ships glasses.",
    "Related Market(s): Will Acme ship a ring?",
    "Subscribers of Acme grew to three million.",
    "Subscribe numbers fell by half in May.",
    "Sign language comes to the example glasses.",
    "Copyright law changes for models in 2027.",
    "Print on demand company Zeta raises 5 million dollars.",
    "Sharing of models is up: Acme opens its weights.",
    "Menu prices at Zeta rose by a tenth.",
    "Advertisement spending at Acme rose.",
    "Home robots of Acme go on sale.",
    "Follow-up: Acme ships the ring.",
    "Image model of Acme leads the board.",
    "Get ready for rings: Acme ships one.",
    "广告业务收入增长两成",
    "扫码支付功能今日上线",
    "版权所有者起诉示例公司",
    "未经授权使用数据，示例公司被罚一百万元",
    "编辑部推出新模型",
    "原文：我们今天发布了示例戒指。",
    "阅读量超过一百万",
    "分享经济公司示例今日上市",
    "关注示例公司的投资者增多",
    "点击率提高三成",
    "AI | 示例公司发布新模型",
]


@pytest.mark.parametrize("line", FURNITURE)
def test_lines_of_furniture_go(line: str) -> None:
    assert without_chrome(f"Before it.\n{line}\nAfter it.") == "Before it.\nAfter it."


@pytest.mark.parametrize("line", STORIES)
def test_lines_that_only_mention_such_words_stay(line: str) -> None:
    assert without_chrome(f"Before it.\n{line}\nAfter it.") == f"Before it.\n{line}\nAfter it."


def test_a_long_paragraph_stays_whatever_it_begins_with() -> None:
    paragraph = "Click here, they said, and " + "the ring will be yours some day, and " * 20

    assert without_chrome(paragraph) == paragraph.strip()


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Acme sells. Also Read: Zeta buys a ring. It costs 100.", "Acme sells. It costs 100."),
        ("Acme sells Also Read: Zeta buys a ring.", "Acme sells"),
        ("示例公司发布。推荐阅读：另一篇文章。价格未定。", "示例公司发布。价格未定。"),
        ("They also read: books and more.", "They also read: books and more."),
    ],
)
def test_a_fragment_inside_a_line_goes_up_to_the_end_of_its_sentence(line: str, kept: str) -> None:
    assert without_chrome(line) == kept


def test_runs_of_menu_words_go_and_three_of_them_stay() -> None:
    menu = ["Home", "News", "About us", "Contact"]

    assert without_chrome("\n".join(["Acme ships.", *menu, "It costs 100."])) == (
        "Acme ships.\nIt costs 100."
    )
    assert without_chrome("\n".join(menu[:3])) == "\n".join(menu[:3])


def test_runs_of_short_links_go_when_the_caller_marked_them() -> None:
    links = [f"{LINK_ON}Section {n}{LINK_OFF}" for n in range(4)]

    assert without_chrome("\n".join(["Acme ships.", *links])) == "Acme ships."
    assert without_chrome("\n".join(links[:3])) == "Section 0\nSection 1\nSection 2"


def test_invisible_characters_hide_nothing() -> None:
    assert without_chrome("\u200bRead\u00a0more\ufeff\nAc\u00adme ships.") == "Acme ships."


@given(st.text(alphabet="Related: Also Read：。.\n|©aA阅读相关", max_size=200))
def test_it_only_takes_away(text: str) -> None:
    once = without_chrome(text)

    assert len(once) <= len(text)
    assert set(once) <= set(text) | {" "}


@pytest.mark.parametrize(
    "text",
    ["Also Read:" * 40_000, ": " * 200_000, "read more " * 40_000, "\n" * 400_000, "|" * 400_000],
)
def test_hostile_text_costs_little(text: str) -> None:
    began = time.process_time()

    without_chrome(text)

    assert time.process_time() - began < 3
