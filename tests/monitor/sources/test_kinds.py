from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

import monitor.sources
from monitor.errors import ConfigError
from monitor.sources import source_union
from monitor.sources.base import SourceModel
from monitor.sources.rss import RssSource
from monitor.sources.web_address import checked_base


class PagerSource(SourceModel):
    kind: Literal["pager"] = "pager"


class SecondRssSource(SourceModel):
    kind: Literal["rss"] = "rss"


class KindlessSource(SourceModel):
    pass


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def install(name: str) -> None:
        def load(_: EntryPoint) -> object:
            if name not in globals():
                raise ImportError(f"no module {name}")
            return globals()[name]

        entry = EntryPoint("plugin", f"module:{name}", "signal_monitor.sources")
        monkeypatch.setattr(EntryPoint, "load", load)
        monkeypatch.setattr(monitor.sources, "entry_points", lambda group: [entry])

    return install


def validated(union: Any, **fields: object) -> SourceModel:
    source = TypeAdapter(union).validate_python(fields)
    assert isinstance(source, SourceModel)
    return source


def test_the_kind_chooses_the_source() -> None:
    source = validated(
        source_union(), name="a", kind="rss", url="https://a.example/feed", every="5m"
    )

    assert isinstance(source, RssSource)


def test_an_unknown_kind_or_key_is_an_error() -> None:
    with pytest.raises(ValidationError, match="polymarket"):
        validated(source_union(), name="a", kind="rzz")
    with pytest.raises(ValidationError, match="follow"):
        validated(source_union(), name="a", kind="polymarket", follow=[])


def test_a_third_partys_kind_joins_the_union(plugins: Callable[[str], None]) -> None:
    plugins("PagerSource")

    assert isinstance(validated(source_union(), name="a", kind="pager"), PagerSource)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SecondRssSource", "is taken"),
        ("KindlessSource", "no field `kind`"),
        ("TypeAdapter", "not a SourceModel"),
        ("missing", "cannot be loaded"),
    ],
)
def test_a_plugin_that_does_not_fit_is_named(
    plugins: Callable[[str], None], name: str, message: str
) -> None:
    plugins(name)

    with pytest.raises(ConfigError, match=message):
        source_union()


def test_base_addresses_lose_their_trailing_slash() -> None:
    assert checked_base("https://a.example/x/") == "https://a.example/x"


@pytest.mark.parametrize("url", ["a.example", "ftp://a.example", "https://", "https://a:b", ""])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="web address"):
        checked_base(url)
