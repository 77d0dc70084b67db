from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from signals.dates import find_dates
from signals.facts import Fact, find_facts
from signals.text import normalize

PUBLISHED = datetime(2025, 11, 28, 6, tzinfo=UTC)  # a Friday


def facts(text: str, published: datetime | None = PUBLISHED, **more: str) -> tuple[Fact, ...]:
    normal = normalize(text)
    return find_facts(normal, "title", dates=find_dates(normal, published), **more)


def values(text: str, kind: str, **more: str) -> list[tuple[object, str]]:
    return [(f.value, f.unit) for f in facts(text, **more) if f.kind == kind]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("priced at 1,899 yuan", "1899", "CNY"),
        ("售价1899元起", "1899", "CNY"),
        ("RMB 0.8 per million tokens", "0.8", "CNY/1M tokens"),
        ("costs $19.99 today", "19.99", "USD"),
        ("售价 299 美元", "299", "USD"),
        ("HK$500 each", "500", "HKD"),
        ("价格为3万元", "30000", "CNY"),
    ],
)
def test_prices_carry_their_currency(text: str, value: str, unit: str) -> None:
    assert values(text, "price") == [(Decimal(value), unit)]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("a $53 billion plan", 53_000_000_000, "USD"),
        ("融资1.2亿元", 120_000_000, "CNY"),
        ("raised $7.5M", 7_500_000, "USD"),
        ("投入600亿元", 60_000_000_000, "CNY"),
    ],
)
def test_large_money_is_an_amount(text: str, value: int, unit: str) -> None:
    assert values(text, "amount") == [(Decimal(value), unit)]


def test_twin_prices_are_two_facts() -> None:
    assert values("at 1,899 yuan ($268)", "price") == [
        (Decimal(1899), "CNY"),
        (Decimal(268), "USD"),
    ]
    assert values("RMB 0.8 (USD 0.11) per million tokens", "price") == [
        (Decimal("0.8"), "CNY/1M tokens"),
        (Decimal("0.11"), "USD/1M tokens"),
    ]


def test_bare_yen_sign_is_read_by_country_then_language_else_left_open() -> None:
    assert values("from ¥1,899", "price", country="CN") == [(Decimal(1899), "CNY")]
    assert values("from ¥1,899", "price", country="JP") == [(Decimal(1899), "JPY")]
    assert values("from ¥1,899", "price", lang="ja") == [(Decimal(1899), "JPY")]
    assert values("from ¥1,899", "price") == [(Decimal(1899), "¥")]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("costs $1.74/1M input tokens", "1.74", "USD/1M tokens"),
        ("at $3.48 per million output tokens", "3.48", "USD/1M tokens"),
        ("每百万 tokens 价格 0.8 元", "0.8", "CNY/1M tokens"),
        ("0.8元/百万token", "0.8", "CNY/1M tokens"),
        ("a plan at $20 a month", "20", "USD/month"),
        ("月费39元起", "39", "CNY/month"),
        ("$199 per year", "199", "USD/year"),
        ("$199 in a year of change", "199", "USD"),
    ],
)
def test_price_says_what_it_is_for(text: str, value: str, unit: str) -> None:
    assert values(text, "price") == [(Decimal(value), unit)]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("投入530亿美元", 53_000_000_000, "USD"),
        ("投入3800亿元", 380_000_000_000, "CNY"),
        ("投入3,800億元", 380_000_000_000, "CNY"),
        ("a 53 billion dollars plan", 53_000_000_000, "USD"),
        ("US$1.5bn", 1_500_000_000, "USD"),
        ("1.2 trillion won", 1_200_000_000_000, "KRW"),
    ],
)
def test_large_sums_in_both_languages(text: str, value: int, unit: str) -> None:
    assert values(text, "amount") == [(Decimal(value), unit)]


def test_yen_sign_beside_kana_is_japanese() -> None:
    assert values("¥19,800で発売", "price") == [(Decimal(19800), "JPY")]


@pytest.mark.parametrize(
    ("text", "rank", "unit"),
    [
        ("登顶 LMArena", 1, ""),
        ("GLM tops LMArena", 1, ""),
        ("第9名", 9, ""),
        ("now #9 there", 9, ""),
        ("in the top 3 there", 3, "top"),
        ("跻身全球前五", 5, "top"),
        ("a top-ten model", 10, "top"),
    ],
)
def test_ranks_are_exact_or_within_the_first_so_many(text: str, rank: int, unit: str) -> None:
    assert values(text, "rank") == [(Decimal(rank), unit)]


@pytest.mark.parametrize("text", ["登顶国产榜单", "前三天", "the mountain top 5000 m up"])
def test_firsts_of_a_country_and_other_tops_are_no_ranks(text: str) -> None:
    assert values(text, "rank") == []


@pytest.mark.parametrize(
    ("text", "board"),
    [
        ("first on LM Arena", "LMArena"),
        ("大模型竞技场排名第二", "LMArena"),
        ("登顶 Design Arena", "Design Arena"),
        ("leads Code Arena", "Code Arena"),
        ("Artificial Analysis says", "Artificial Analysis"),
        ("OpenRouter 周榜", "OpenRouter"),
    ],
)
def test_the_board_is_named_as_stated(text: str, board: str) -> None:
    assert values(text, "board") == [(board, "")]


def test_no_board_is_made_up() -> None:
    assert values("登顶大模型榜单", "board") == []


@pytest.mark.parametrize(
    ("text", "iso", "unit"),
    [
        ("on 27 November 2025 in China", "2025-11-27", "day"),
        ("on Nov. 27, 2025", "2025-11-27", "day"),
        ("2025年11月27日开售", "2025-11-27", "day"),
        ("11月27日开售", "2025-11-27", "day"),
        ("launched Nov. 12 there", "2025-11-12", "day"),
        ("2025-11-27 update", "2025-11-27", "day"),
        ("In December 2025 it merged", "2025-12", "month"),
        ("In 2024 it began", "2024", "year"),
        ("今天开售", "2025-11-28", "day"),
        ("preorders begin today", "2025-11-28", "day"),
        ("on Thursday it said", "2025-11-27", "day"),
        ("on Friday it said", "2025-11-28", "day"),
    ],
)
def test_dates_are_as_exact_as_given(text: str, iso: str, unit: str) -> None:
    assert values(text, "date") == [(iso, unit)]


def test_day_without_year_takes_the_year_nearest_to_publication() -> None:
    january = datetime(2026, 1, 3, tzinfo=UTC)

    (fact,) = facts("sold since Dec. 28", january)

    assert fact.value == "2025-12-28"


def test_chinese_today_counts_in_chinas_time() -> None:
    late = datetime(2025, 11, 27, 17, tzinfo=UTC)  # 01:00 on the 28th in China

    assert facts("今日开售", late)[0].value == "2025-11-28"
    assert facts("out today", late)[0].value == "2025-11-27"


def test_relative_dates_without_publication_stay_unresolved() -> None:
    (fact,) = facts("preorders begin today", None)

    assert (fact.value, fact.unit) == ("", "relative")


def test_small_may_and_march_are_verbs() -> None:
    assert values("it may 5 times fail, and they march 3 miles", "date") == []


def test_impossible_dates_are_not_dates() -> None:
    assert values("2025-13-45 and 2月31日", "date") == []


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("now #1 on the board", 1),
        ("ranks No. 3", 3),
        ("排名第2位", 2),
        ("全球第一", 1),
        ("登上榜首", 1),
    ],
)
def test_ranks(text: str, rank: int) -> None:
    assert values(text, "rank") == [(Decimal(rank), "")]


@pytest.mark.parametrize(
    "text", ["第一时间回应", "全球第一股", "issue #12345", "第3次会议", "第一季度"]
)
def test_other_firsts_are_no_ranks(text: str) -> None:
    assert values(text, "rank") == []


def test_scores_and_percentages() -> None:
    assert values("scored 1486 on the board", "score") == [(Decimal(1486), "points")]
    assert values("评分1502，领先", "score") == [(Decimal(1502), "points")]
    assert values("uses 60% less memory", "percent") == [(Decimal(60), "%")]


def test_question_of_a_market_states_nothing() -> None:
    assert facts("Will it become #1 by June 30?") == ()


def test_spans_point_into_the_original_text() -> None:
    text = "\u200b售价：￥1，899 起"

    (fact,) = facts(text, lang="zh")

    assert (fact.value, fact.unit) == (Decimal(1899), "CNY")
    assert text[fact.start : fact.end] == fact.text == "￥1，899"
