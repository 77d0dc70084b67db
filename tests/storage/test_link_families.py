from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from sqlmodel import select

from signals import multiple
from storage import Store, frames, market_repo, signal_repo
from storage.link_families import q_values
from storage.models import Link, Market
from storage.tables import TABLES, Selection
from tests.builders import a_link, a_market, a_signal, at, keep


def a_test(row_id: int, p_value: float | None, **given: Any) -> Link:
    return Link(id=row_id, p_value=p_value, **a_link(f"sig-{row_id}", known_from=at(0), **given))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_both_arms_have_the_same_rule_and_it_is_scipys(p_values: list[float]) -> None:
    found = list(q_values([a_test(n, p) for n, p in enumerate(p_values)]).values())

    assert found == pytest.approx(list(multiple.q_values(p_values)))
    assert found == pytest.approx(list(false_discovery_control(p_values)))


def test_only_evaluated_focal_links_of_the_primary_window_with_a_p_are_tests() -> None:
    links = [
        a_test(1, 0.01),
        a_test(2, 0.5, verdict="no_detectable_move"),
        a_test(3, 0.01, focal=False),
        a_test(4, 0.01, window_s=900),
        a_test(5, 0.01, verdict="not_evaluated:stale"),
        a_test(6, None),
    ]

    assert q_values(links) == {1: 0.02, 2: 0.5}


def test_related_markets_are_a_family_of_their_own() -> None:
    links = [a_test(n, 0.01 * n, relation="own") for n in (1, 2)]
    links += [a_test(n, 0.01 * n, relation="related") for n in (3, 4)]

    assert q_values(links) == pytest.approx({1: 0.02, 2: 0.02, 3: 0.04, 4: 0.04})


def test_q_is_over_the_links_that_are_asked_for(store: Store) -> None:
    (outcome_id,) = keep(store, [a_market()]).values()
    with store.begin() as session:
        market = session.exec(select(Market)).one()
        entry = ("glasses", market.venue_id, "own", "polymarket/id:516960")
        market_repo.follow(session, [entry], {market.venue_id: market.id or 0})
        for n, (p_value, theme) in enumerate([(0.01, "glasses"), (0.02, "glasses"), (0.9, "cars")]):
            name = f"sig-{n}"
            values = a_signal(name, at(n), theme=theme, origin_id=name)
            signal_repo.put_signal(session, values, known_from=at(n))
            link = a_link(name, outcome_id, p_value=p_value)
            signal_repo.put_link(session, link, known_from=at(90))

    def q(**narrow: Any) -> list[float]:
        with store.read() as session:
            rows = list(TABLES["links"].rows(session, Selection(**narrow)))
        return [row[TABLES["links"].columns.index("q_value")] for row in rows]

    assert q() == pytest.approx([0.03, 0.03, 0.9])
    assert q(theme="glasses") == pytest.approx([0.02, 0.02])
    assert q(since=at(1)) == pytest.approx([0.04, 0.9])
    assert list(frames.links(store)["q_value"]) == pytest.approx([0.03, 0.03, 0.9])
