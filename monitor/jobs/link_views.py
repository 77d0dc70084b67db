"""Links as rules read them: a signal, a leg, what its price did, and how the leg stands."""

from __future__ import annotations

from monitor.alerts.views import LinkView
from monitor.jobs.known_prices import LegState
from storage.market_repo import Leg
from storage.models import Link, Signal


def link_view(
    link: Link,
    signal: Signal,
    leg: Leg,
    *,
    state: LegState,
    settles: str | None,
    entity_names: tuple[str, ...],
) -> LinkView:
    """Return the view of a link; `state` and `settles` are of its leg, as known when looking."""
    return LinkView(
        signal_id=signal.signal_id,
        story_id=signal.origin_id,
        theme=signal.theme,
        kind=signal.kind,
        title=signal.title,
        source=signal.source,
        tier=signal.tier,
        score=signal.score,
        at=signal.at,
        observed_at=signal.observed_at,
        alertable=signal.alertable,
        venue=leg.venue,
        series=leg.series,
        market_id=leg.venue_id,
        outcome_id=leg.outcome_id,
        label=leg.label or leg.outcome,
        question=leg.question,
        relation=link.relation,
        window_s=link.window_s,
        verdict=link.verdict,
        final=link.final,
        thin=link.thin,
        known_from=link.known_from,
        background=signal.background,
        precision=signal.precision,
        entities=tuple(signal.entities or ()),
        entity_names=entity_names,
        novelty=signal.novelty,
        price_before=link.price_before,
        price_after=link.price_after,
        move=link.move,
        abnormal_move=link.abnormal_move,
        z=link.z,
        p_value=link.p_value,
        n_placebo=link.n_placebo,
        spread=state.spread,
        volume_24h=state.volume_24h,
        url=signal.url,
        market_url=leg.url,
        settles=settles,
    )
