from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.feeds.digest import MAX_BULLETS, Bullet, bullets


def test_headings_with_a_text_are_headlines_and_the_overview_is_not() -> None:
    markup = (
        "<h2>Overview</h2><ul><li>Acme ships a ring</li><li>Zeta sells glasses</li></ul>"
        "<h2><a href='https://a.example/1'>Acme ships a ring</a> <code>#1</code></h2>"
        "<p>The ring costs 100 dollars now.</p>"
        "<h2>Zeta sells glasses</h2><p>They are sold <a href='https://z.example/'>in shops</a>.</p>"
    )

    assert bullets(markup) == [
        Bullet("Acme ships a ring", "The ring costs 100 dollars now.", "https://a.example/1"),
        Bullet("Zeta sells glasses", "They are sold in shops.", "https://z.example/"),
    ]


def test_the_level_with_most_texts_holds_the_headlines() -> None:
    story = "<h3>Acme ships ring {0}</h3><p>The text of the story {0}.</p>"
    markup = (
        "<h1>The digest</h1><p>An introduction of some length.</p>"
        + story.format(1)
        + story.format(2)
    )

    assert [bullet.title for bullet in bullets(markup)] == [
        "Acme ships ring 1",
        "Acme ships ring 2",
    ]


def test_what_stands_below_a_rule_is_not_the_storys() -> None:
    story = "<h2>Acme ships ring {0}</h2><p>The text of the story {0}.</p><hr/>"

    found = bullets(story.format(1) + story.format(2) + "<p>Written by a machine.</p>")

    assert found[-1].text == "The text of the story 2."


def test_list_entries_are_headlines_with_the_link_of_their_own() -> None:
    markup = (
        "<h3>Models</h3><ol><li><b>示例公司发布新模型</b> <a href='/m?a=1&amp;b=2'>↗</a> #1</li>"
        "<li>Acme opens its weights<br>They may be used by all.</li>"
        "<li><a href='https://a.example'>https://a.example/bare</a></li></ol>"
    )

    assert bullets(markup) == [
        Bullet("示例公司发布新模型", "", "/m?a=1&b=2"),
        Bullet("Acme opens its weights", "They may be used by all.", None),
    ]


def test_numbered_lines_are_headlines_and_lines_without_a_number_belong_to_the_last() -> None:
    markup = (
        "<p>今日要闻</p><p>1、示例公司发布新模型</p><p>价格为每月 100 元。</p>"
        "<p>2. Acme ships a ring</p><br>【3】Zeta sells glasses"
    )

    assert bullets(markup) == [
        Bullet("示例公司发布新模型", "价格为每月 100 元。", None),
        Bullet("Acme ships a ring", "", None),
        Bullet("Zeta sells glasses", "", None),
    ]


def test_a_number_is_no_bullet() -> None:
    assert bullets("<p>2.5 million rings were sold</p><p>1.5 million were not</p>") == []


def test_a_long_entry_is_told_by_its_first_sentence() -> None:
    long = "Acme ships a ring to everyone who asked. " + "It is a good ring. " * 20

    first, _ = bullets(f"<ul><li>{long}</li><li>Zeta sells glasses</li></ul>")

    assert first.title == "Acme ships a ring to everyone who asked"
    assert first.text == long.strip()


def test_what_does_not_split_is_no_digest() -> None:
    for markup in ("", "<p>One story, told in one paragraph.</p>", "<ul><li>One entry</li></ul>"):
        assert bullets(markup) == []


def test_headlines_are_capped() -> None:
    markup = "".join(f"<li>Headline number {n}</li>" for n in range(MAX_BULLETS + 10))

    assert len(bullets(f"<ul>{markup}</ul>")) == MAX_BULLETS


@given(st.text(alphabet="<>/hli126p br1、•a\n", max_size=200))
def test_no_markup_breaks_it(markup: str) -> None:
    assert all(bullet.title for bullet in bullets(markup))
