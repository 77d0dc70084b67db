"""The kinds of source the config may name."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Annotated, Any, Union

from pydantic import Field

from monitor.errors import ConfigError
from monitor.sources.arena import ArenaSource
from monitor.sources.arxiv import ArxivSource
from monitor.sources.base import SourceModel
from monitor.sources.csv_file import CsvSource
from monitor.sources.gdelt import GdeltSource
from monitor.sources.github_releases import GithubReleasesSource
from monitor.sources.google_news import GoogleNewsSource
from monitor.sources.hackernews import HackerNewsSource
from monitor.sources.huggingface import HuggingFaceSource
from monitor.sources.kalshi import KalshiSource
from monitor.sources.manifold import ManifoldSource
from monitor.sources.polymarket import PolymarketSource
from monitor.sources.reddit import RedditSource
from monitor.sources.rss import RssSource

ENTRY_POINTS = "signal_monitor.sources"
BUILT_IN: tuple[type[SourceModel], ...] = (
    PolymarketSource,
    KalshiSource,
    ManifoldSource,
    RssSource,
    GoogleNewsSource,
    RedditSource,
    ArxivSource,
    GithubReleasesSource,
    GdeltSource,
    HackerNewsSource,
    HuggingFaceSource,
    ArenaSource,
    CsvSource,
)


def source_union() -> Any:
    """Return the pydantic type of any installed source: ours and those of entry points.

    Raises ConfigError when a third party's kind cannot be loaded or is taken.
    """
    kinds = {str(model.model_fields["kind"].default): model for model in BUILT_IN}
    for entry in entry_points(group=ENTRY_POINTS):
        model = _loaded(entry.name, entry.load)
        kind = str(model.model_fields["kind"].default)
        if kind in kinds:
            raise ConfigError(f"the source kind {kind!r} of entry point {entry.name!r} is taken")
        kinds[kind] = model
    return Annotated[Union[tuple(kinds.values())], Field(discriminator="kind")]  # noqa: UP007


def _loaded(name: str, load: Any) -> type[SourceModel]:
    try:
        model = load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"the source plugin {name!r} cannot be loaded: {error}") from error
    if not (isinstance(model, type) and issubclass(model, SourceModel)):
        raise ConfigError(f"the source plugin {name!r} is not a SourceModel")
    if "kind" not in model.model_fields:
        raise ConfigError(f"the source plugin {name!r} has no field `kind` with its name")
    return model
