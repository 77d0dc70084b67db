"""A small database with everything that commands show, and the command line in this process."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from monitor.__main__ import run
from storage import (
    Store,
    alert_repo,
    coverage,
    item_repo,
    market_repo,
    open_store,
    signal_repo,
    source_repo,
    standing_repo,
)
from storage.alert_repo import AlertDraft
from storage.item_repo import ItemKeys
from storage.models import Market
from storage.records import Origin, Reject
from tests.builders import (
    NOON,
    a_link,
    a_market,
    a_move,
    a_quote,
    a_signal,
    a_standing,
    an_item,
    at,
    keep,
)

CONFIG = """\
storage: {{url: "sqlite:///{database}"}}
http: {{contact: "tests@example.org", deadline: 5s}}
entities:
  - {{id: zetacorp, kind: company, country: US, aliases: [Zetacorp]}}
themes:
  - name: glasses
    entities: [zetacorp]
    markets: [{{venue: polymarket, id: "516960"}}]
  - name: models
    entities: [qwen]
    related_markets: [{{theme: glasses}}, {{venue: polymarket, event: some-race}}]
sources:
  - {{name: wire, kind: rss, url: "http://127.0.0.1:9/feed", every: 5m}}
  - {{name: quiet, kind: rss, url: "http://127.0.0.1:9/quiet", enabled: false}}
alerts:
  channels: [{{name: console, kind: console}}]
  rules:
    - {{name: news, on: signal, channels: [console]}}
"""


@dataclass(frozen=True)
class Ran:
    """What one command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture(scope="session")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the file of a store with one of everything."""
    path = tmp_path_factory.mktemp("newsroom") / "signal-monitor.db"
    store = open_store(f"sqlite:///{path}")
    fill(store)
    store.close()
    return path.read_bytes()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, with a config whose database is not there yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / "config.yaml").write_text(CONFIG.format(database="signal-monitor.db"))
    return tmp_path


@pytest.fixture
def filled(folder: Path, newsroom: bytes) -> Path:
    """Return the working folder, with config and database."""
    (folder / "signal-monitor.db").write_bytes(newsroom)
    return folder


@pytest.fixture
def cli(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Return a function that runs one command in the working folder."""

    def call(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return Ran(code, written.out, written.err)

    return call


def fill(store: Store) -> None:
    """Write a market with prices, news, a board, a signal, a link, a move and an alert."""
    ids = keep(
        store,
        [
            a_market(
                series="zeta-race", label="Zetacorp", slug="zeta", url="https://venue.example/m"
            )
        ],
        [a_quote(at(-60), "0.40", "0.42"), a_quote(at(30), "0.46", "0.48")],
    )
    outcome_id = next(iter(ids.values()))
    with store.begin() as session:
        market = session.exec(select(Market)).one()
        entry = ("glasses", "516960", "own", "polymarket/id:516960")
        market_repo.follow(session, [entry], {"516960": market.id or 0})
        coverage.add_span(
            session, coverage.outcome_subject(outcome_id), from_at=at(-60), to_at=at(30),
            reason=None,
        )  # fmt: skip
        _news(session)
        signal_repo.put_link(
            session,
            a_link(
                outcome_id=outcome_id, price_before=0.41, price_after=0.47, move=0.06, z=6.0,
                n_updates=12, quote_age_s=30.0, reason="moved up by 6.0 pp",
            ),
            known_from=at(70),
        )  # fmt: skip
        near = {"signal_id": "sig-1", "title": "Zetacorp shows its glasses"}
        explained = [{**near, "minutes_before": 3.0, "clock_error_min": 0.1}]
        signal_repo.put_move(
            session,
            a_move(outcome_id, state="persisted", verdict="candidates", explained_by=explained),
            known_from=at(40),
        )
        _state(session)


def _news(session: Session) -> None:
    item = item_repo.add(
        session,
        an_item(url="https://news.example/zeta", summary="[A summary]\x1b[31m"),
        ItemKeys("https://news.example/zeta", "zetacorp shows its glasses"),
        observed_at=at(1),
        stored_at=at(1),
        origin=Origin.LIVE,
    )
    assert item is not None
    item.story_id = "story-1"
    session.add(item)
    signal_repo.put_signal(session, a_signal(novelty=1.0), known_from=at(1))
    rows = [
        a_standing("zeta-1", 1, organization="Zetacorp", ci_low=Decimal(1450), votes=900),
        a_standing("qwen9-max", 2, organization="Alibaba", score=Decimal("1440.5")),
    ]
    standing_repo.add(session, rows, observed_at=at(5), origin=Origin.LIVE)


def _state(session: Session) -> None:
    source_repo.record_success(
        session, "wire", at=at(60), next_due=at(65), validators={}, cursor={},
        rejects=[Reject("no title", "<item/>")],
    )  # fmt: skip
    alert_repo.add_alert(
        session,
        AlertDraft(
            dedup_key="k1", escalation=0, rule="news", kind="signal", severity="info", at=NOON,
            title="Zetacorp · launch", group_key="story:1", reason=("theme glasses",),
            payload={}, channels=("console",), theme="glasses", signal_ids=("sig-1",),
        ),
    )  # fmt: skip
