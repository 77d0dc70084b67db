from __future__ import annotations

from monitor.app import Topics
from monitor.cli.cards import card_lines, card_markdown
from monitor.reports.card import card
from storage import Store, item_repo, signal_repo
from storage.item_repo import ItemKeys
from storage.records import Origin
from tests.builders import a_link, a_market, a_quote, a_signal, an_item, at
from tests.monitor.reports.conftest import follow


def told(store: Store, topics: Topics) -> dict[str, object]:
    outcome = follow(store, a_market(label="Zetacorp"), a_quote(at(0), "0.40", "0.42"))
    with store.begin() as session:
        for guid, minute in (("late", 5), ("early", 1)):
            item = item_repo.add(
                session, an_item(guid, title=f"<b>{guid}</b> [link](javascript:1)", url="https://a.b"),
                ItemKeys(None, guid), observed_at=at(minute), stored_at=at(minute),
                origin=Origin.LIVE,
            )  # fmt: skip
            assert item is not None
            item.story_id = "story-1"
            session.add(item)
        facts = [{"kind": "price", "value": "1899", "unit": "CNY", "text": "1,899元"}]
        given = a_signal(facts=facts, entities=["zetacorp", "left-the-catalog"])
        signal_repo.put_signal(session, given, known_from=at(1))
        for window, verdict in (
            (900, "not_evaluated:stale"),
            (3600, "moved_up"),
            (21600, "moved_up"),
        ):
            values = {"price_before": 0.41, "price_after": 0.47, "move": 0.06, "reason": "so"}
            given = a_link(outcome_id=outcome, window_s=window, verdict=verdict, **values)
            signal_repo.put_link(session, given, known_from=at(70))
    with store.read() as session:
        found = card(session, topics, "sig-1", now=at(80))
    assert found is not None
    return found


def test_a_card_has_items_as_we_saw_them_names_facts_and_what_each_market_did(
    store: Store, topics: Topics
) -> None:
    found = told(store, topics)
    lines = list(card_lines(found))
    context = lines[lines.index("Context:") + 1 : lines.index("Evidence:")]
    assert ["early" in line for line in context] == [True, False, False, False]
    assert lines[lines.index("Evidence:") + 1 : lines.index("Reasons:")] == [
        "  - Zetacorp, 60 min: 41.0 % → 47.0 %, +6.0 pp, moved_up; so",
        "  - Zetacorp, 6 h: 41.0 % → 47.0 %, +6.0 pp, moved_up (described, not tested); so",
    ]
    points = lines[lines.index("Key points:") + 1 : lines.index("What to watch:")]
    assert points == ["  - Zetacorp", "  - left-the-catalog", "  - CNY 1,899"]
    assert lines[-1] == "  - Zetacorp: 41.0 %"


def test_markdown_carries_no_markup_of_the_sources(store: Store, topics: Topics) -> None:
    text = card_markdown(told(store, topics))
    assert "\\<b>early\\</b> \\[link\\](javascript:1)" in text
    assert text.startswith("## Headline\n\nZetacorp shows its glasses\n")


def test_an_unknown_signal_has_no_card(store: Store, topics: Topics) -> None:
    with store.read() as session:
        assert card(session, topics, "nope", now=at(0)) is None
