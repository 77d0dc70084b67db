"""What the config may say of how a market settles."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.config import Config, parse_config
from monitor.errors import ConfigError
from monitor.sources.spec_override import SpecOverride
from signals.settlement import SPEC_FIELDS


def config(spec: str) -> Config:
    text = (
        "themes:\n  - name: models\n    entities: [qwen]\n    markets:\n"
        f"      - {{venue: polymarket, event: best, spec: {spec}}}\n"
    )
    return parse_config(text, name="config.yaml", folder=Path("/srv"))


def given(spec: str) -> dict[str, object]:
    override = config(spec).themes[0].markets[0].spec
    assert override is not None
    return override.given()


def test_it_has_the_fields_of_a_settlement() -> None:
    assert set(SpecOverride.model_fields) == set(SPEC_FIELDS)


def test_only_what_was_written_down_is_given() -> None:
    assert given("{place: 2, owners: [qwen, 'country:CN']}") == {
        "place": 2,
        "owners": ("qwen", "country:CN"),
    }


@pytest.mark.parametrize(("written", "meant"), [("off", "off"), ("on", "on"), ("'off'", "off")])
def test_a_bare_off_is_a_word_here(written: str, meant: str) -> None:
    assert given(f"{{style_control: {written}}}") == {"style_control": meant}


def test_an_instant_needs_its_zone() -> None:
    assert given("{check_at: '2026-07-31T12:00:00-04:00'}") == {
        "check_at": datetime(2026, 7, 31, 16, tzinfo=UTC)
    }
    with pytest.raises(ConfigError, match=r"spec\.check_at: "):
        config("{check_at: '2026-07-31T12:00:00'}")


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("{style: off}", r"config\.yaml:5:49: themes\.0\.markets\.0\.spec\.style: unknown key"),
        ("{place: 4}", r"spec\.place: "),
        ("{universe: chinese}", r"spec\.universe: "),
        ("{style_control: maybe}", r"spec\.style_control: "),
        ("{owners: [Google Inc]}", r"spec\.owners\.0: "),
    ],
)
def test_a_slip_is_named_with_its_place(spec: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        config(spec)
