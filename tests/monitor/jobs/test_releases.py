"""What a machine saw is a signal at once: of the right themes, told once, at an honest time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.jobs import items
from storage.models import Alert, Item, Signal, Story, Tag
from storage.records import Batch, ItemRecord, Precision
from tests.builders import NOON
from tests.desk import CONFIG, Desk, StubSource, a_story, open_desk

HOUR = timedelta(hours=1)
LAUNCHES = "  - {name: launches, entities: [qwen, deepseek], kinds: [launch]}\n"
PICKY = "  - {name: picky, entities: [qwen], blocks: [Coder], cues: [text-generation]}\n"
STRICT = "  - {name: strict, entities: [qwen], min_score: 0.95}\n"


def a_release(name: str = "Qwen5", author: str = "Qwen", **given: Any) -> ItemRecord:
    values: dict[str, Any] = {
        "source": "stub",
        "guid": f"{author}/{name}",
        "title": f"{author} published {name} on Hugging Face (1 repository)",
        "url": f"https://huggingface.co/{author}/{name}",
        "publisher": author,
        "lang": "en",
        "tier": 1,
        "seen_as": "release",
        **given,
    }
    return ItemRecord(**values)


async def seen(desk: Desk, *records: ItemRecord) -> list[Signal]:
    """Poll and process `records`; return the current signals."""
    await desk.poll(Batch(items=records))
    desk.process()
    return desk.current(Signal)


@pytest.fixture
async def strict_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    text = CONFIG.replace("alerts:\n", LAUNCHES + PICKY + STRICT + "alerts:\n")
    async with open_desk(tmp_path, text) as desk:
        yield desk


async def test_a_new_public_model_is_a_release_signal_and_an_alert(desk: Desk) -> None:
    await desk.start()

    (signal,) = await seen(desk, a_release())

    assert (signal.theme, signal.kind, signal.score) == ("models", "release", 0.9)
    assert (signal.origin_kind, signal.origin_id) == ("item", "stub/Qwen/Qwen5")
    assert (signal.entities, signal.publishers, signal.novelty) == (["qwen"], 1, 1.0)
    assert signal.reason == ["seen on Hugging Face as a new public model"]
    assert signal.alertable
    (alert,) = desk.rows(Alert)
    assert "Qwen published Qwen5 on Hugging Face" in str(alert.payload)


async def test_its_time_is_when_we_saw_it_where_nobody_says_when_it_was_published(
    desk: Desk,
) -> None:
    await desk.start()
    day = a_release("Qwen6", published_at=NOON - 12 * HOUR, precision=Precision.DAY)

    for signal in await seen(desk, a_release(), day):
        assert (signal.at, signal.precision) == (NOON, "second")


async def test_a_known_time_of_publication_is_its_time(desk: Desk) -> None:
    await desk.start()
    record = a_release(published_at=NOON - HOUR, precision=Precision.SECOND)

    (signal,) = await seen(desk, record)

    assert (signal.at, signal.precision, signal.alertable) == (NOON - HOUR, "second", True)


async def test_a_release_older_than_six_hours_does_not_alert(desk: Desk) -> None:
    await desk.start()

    await seen(desk, a_release(published_at=NOON - 7 * HOUR, precision=Precision.SECOND))

    assert desk.rows(Alert) == []


async def test_what_a_first_poll_finds_never_alerts(desk: Desk) -> None:
    (signal,) = await seen(desk, a_release())

    assert not signal.alertable
    assert desk.rows(Alert) == []


async def test_one_item_is_one_signal_and_no_story(desk: Desk) -> None:
    await desk.start()
    text = "Qwen launches Qwen5, its new open-weights model"

    (signal,) = await seen(desk, a_release(summary=text, content=text))

    assert signal.kind == "release"
    assert [(tag.theme, tag.kind) for tag in desk.rows(Tag)] == [("models", "release")]
    assert desk.rows(Story) == []


async def test_the_news_of_it_is_a_signal_of_its_own(desk: Desk) -> None:
    await desk.start()
    await seen(desk, a_release())
    desk.after(5)

    both = await seen(desk, a_story("n", "Alibaba launches the Qwen5 model with open weights"))

    models = [signal for signal in both if signal.theme == "models"]
    assert {signal.kind for signal in models} == {"release", "launch"}


async def test_a_rumor_scores_less_than_a_release(desk: Desk) -> None:
    await desk.start()
    title = "qwen6-max appears on the roster"

    (signal,) = await seen(
        desk,
        a_release(title=title, url="https://arena.ai", publisher="roster", seen_as="rumor"),
    )

    assert (signal.kind, signal.score) == ("rumor", 0.6)
    assert signal.reason == ["a name seen by stub before anyone published it"]


@pytest.mark.parametrize(
    ("title", "publisher", "url", "entities"),
    [
        ("Qwen published Qwen-Image on Hugging Face", "Qwen", "https://huggingface.co/x", None),
        (
            "baidu published Unlimited-OCR on Hugging Face",
            "baidu",
            "https://huggingface.co/x",
            None,
        ),
        ("zai-org published GLM-6 on Hugging Face", "zai-org", "https://huggingface.co/x", None),
        ("deepseek-ai published DeepSeek-V9", "deepseek-ai", "https://x.example", ["deepseek"]),
        ("QwenLM/Qwen5 v1.0", "QwenLM", "https://github.com/QwenLM/Qwen5", ["qwen"]),
        ("v1.0", "QwenLM", "https://github.com/QwenLM/Qwen5/releases/tag/v1.0", ["qwen"]),
        ("acme/server v2", "acme", "https://github.com/acme/server", None),
    ],
)
async def test_what_came_out_decides_the_themes_and_not_who_published_it(
    desk: Desk, title: str, publisher: str, url: str, entities: list[str] | None
) -> None:
    await desk.start()
    record = a_release(title=title, publisher=publisher, url=url, content="Runs Qwen5 faster.")

    signals = await seen(desk, record)

    assert [signal.entities for signal in signals] == ([entities] if entities else [])


async def test_an_item_of_no_theme_is_read_once(desk: Desk) -> None:
    await desk.start()

    assert await seen(desk, a_release("Oven", "acme")) == []
    assert desk.process().signals == 0
    assert [tag.theme for tag in desk.rows(Tag)] == [""]


async def test_kinds_blocks_cues_and_min_score_of_a_theme_are_honoured(strict_desk: Desk) -> None:
    await strict_desk.start()
    plain = a_release("Qwen5", content="Qwen/Qwen5, text-generation")
    blocked = a_release("Qwen5-Coder", content="Qwen/Qwen5-Coder, text-generation")
    uncued = a_release("Qwen5-VL", content="Qwen/Qwen5-VL, image-text-to-text")

    signals = await seen(strict_desk, plain, blocked, uncued)

    themes: dict[str, set[str]] = {}
    for signal in signals:
        themes.setdefault(signal.origin_id.rpartition("/")[2], set()).add(signal.theme)
    assert themes == {
        "Qwen5": {"models", "picky"},
        "Qwen5-Coder": {"models"},
        "Qwen5-VL": {"models"},
    }


async def test_a_release_of_two_themes_is_one_alert(strict_desk: Desk) -> None:
    await strict_desk.start()

    signals = await seen(strict_desk, a_release(content="Qwen/Qwen5, text-generation"))

    (alert,) = strict_desk.rows(Alert)
    assert len(signals) == len(alert.signal_ids) == 2


async def test_processing_again_changes_nothing(desk: Desk) -> None:
    await desk.start()
    await seen(desk, a_release())
    desk.after(1)

    found = desk.process()

    assert (found.signals, found.alerts) == (0, 0)
    assert len(desk.rows(Signal)) == len(desk.rows(Tag)) == 1


async def test_a_reworded_release_keeps_its_signal_and_alerts_no_second_time(desk: Desk) -> None:
    await desk.start()
    await seen(desk, a_release())
    desk.after(5)

    (signal,) = await seen(desk, a_release(title="Qwen published Qwen5 (4 repositories)"))

    assert signal.title == "Qwen published Qwen5 (4 repositories)"
    assert len(desk.rows(Alert)) == 1


async def test_more_than_a_batch_is_left_for_the_next_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "BATCH_ITEMS", 2)
    await desk.start()
    await desk.poll(Batch(items=tuple(a_release(f"Qwen{n}") for n in (5, 6, 7))))

    first, second = desk.process(), desk.process()

    assert (first.signals, first.more) == (2, True)
    assert (second.signals, second.more) == (1, False)
    assert {item.story_id for item in desk.rows(Item)} == {None}


async def test_sources_do_not_share_a_release(desk: Desk) -> None:
    await desk.start("stub", "other")
    await seen(desk, a_release())
    await desk.poll(Batch(items=(a_release(source="other"),)), source=StubSource("other"))
    desk.process()

    assert {signal.origin_id for signal in desk.current(Signal)} == {
        "stub/Qwen/Qwen5",
        "other/Qwen/Qwen5",
    }
