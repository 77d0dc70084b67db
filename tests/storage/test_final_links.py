from __future__ import annotations

from storage import Store, final_links, signal_repo
from tests.builders import a_link, a_market, a_signal, at, keep


def test_a_link_becomes_final_once_and_as_known_then(store: Store) -> None:
    keep(store, [a_market()])
    with store.begin() as session:
        signal_repo.put_signal(session, a_signal(), known_from=at(1))
        signal_repo.put_signal(session, a_signal("quiet", alertable=False), known_from=at(1))
        for name in ("sig-1", "quiet"):
            signal_repo.put_link(session, a_link(name, final=False), known_from=at(1))
            signal_repo.put_link(session, a_link(name, window_s=900), known_from=at(20))
            signal_repo.put_link(session, a_link(name), known_from=at(61))
        signal_repo.put_link(session, a_link(verdict="moved_down"), known_from=at(99))

        def final(minute: float, since: float = 0) -> list[tuple[str, str]]:
            found = final_links.became_final(session, window_s=3600, since=at(since), at=at(minute))
            return [(signal.signal_id, link.verdict) for link, signal in found]

        assert [final(minute) for minute in (1, 20, 60, 62)] == [[], [], [], []]
        assert final(61) == [("sig-1", "moved_up")]
        assert final(99) == [("sig-1", "moved_down")]
        assert final(61, since=1) == []


def test_answers_are_final_own_and_known(store: Store) -> None:
    keep(store, [a_market()])
    with store.begin() as session:
        for name, minute in (("old", 0), ("new", 300)):
            signal_repo.put_signal(session, a_signal(name, at(minute)), known_from=at(minute))
            signal_repo.put_link(session, a_link(name), known_from=at(minute + 61))
        signal_repo.put_signal(session, a_signal("related"), known_from=at(0))
        signal_repo.put_link(session, a_link("related", relation="related"), known_from=at(61))

        def found(
            as_of: float, kind: str = "launch", since: float = 0, limit: int = 9
        ) -> list[str]:
            answers = final_links.answers(
                session, "glasses", kind, since=at(since), window_s=3600, as_of=at(as_of),
                limit=limit,
            )  # fmt: skip
            return [signal.signal_id for _, signal in answers]

        assert [found(60), found(61), found(361)] == [[], ["old"], ["old", "new"]]
        assert [found(361, "rumor"), found(361, since=1)] == [[], ["new"]]
        assert found(361, limit=1) == ["new"]
