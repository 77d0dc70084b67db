"""The process that parses strangers' text: what it gives, and what stops it."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.errors import ParseError
from monitor.sources.base import Page
from monitor.sources.rss import RssSource
from monitor.worker import ParseWorker
from storage.records import Batch

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
FEED = b"<rss><channel><item><title>A title</title><guid>1</guid></item></channel></rss>"
# A module of its own, because the child must be able to import what it parses with.
HOSTILE = """
import os, signal, socket, time
from dataclasses import dataclass
from storage.records import Batch


@dataclass(frozen=True)
class Hostile:
    name: str = "hostile"

    def parse(self, page):
        return getattr(self, page.shape)(page)

    def feed(self, page):
        return Batch(cursor={"pid": os.getpid()})

    def loops(self, page):
        while True:
            pass

    def waits(self, page):
        time.sleep(3600)

    def eats(self, page):
        eaten = []
        while True:
            eaten.append(bytearray(16 * 1024 * 1024))

    def exits(self, page):
        os._exit(7)

    def breaks(self, page):
        raise KeyError("gone")

    def lies(self, page):
        return os.system

    def chatters(self, page):
        print("not for the wire")
        return Batch()

    def ignores(self, page):
        return Batch(cursor={
            "ignored": [signal.getsignal(n) == signal.SIG_IGN for n in (2, 15)],
            "own_session": os.getsid(0) == os.getpid(),
            "secret": os.environ.get("DESK_SECRET"),
        })

    def waits_told(self, page):
        with socket.create_connection(("127.0.0.1", page.context["port"])) as told:
            told.sendall(f"{os.getpid()}\\n".encode())
            time.sleep(3600)
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    (tmp_path / "a_hostile_source.py").write_text(HOSTILE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import a_hostile_source  # type: ignore[import-not-found]

    yield a_hostile_source.Hostile()
    sys.modules.pop("a_hostile_source")


@pytest.fixture
def worker() -> Iterator[ParseWorker]:
    worker = ParseWorker(deadline=timedelta(seconds=1), memory=64 * 1024 * 1024)
    yield worker
    worker.close()


def a_page(shape: str = "feed", body: bytes = FEED, **context: object) -> Page:
    return Page(shape, "https://wire.example/feed?key=secret", body, NOW, context)


def a_feed() -> RssSource:
    return RssSource(name="wire", url="https://wire.example/feed")


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_page_gives_what_the_source_itself_gives(worker: ParseWorker) -> None:
    source = a_feed()

    assert await worker.parse(source, a_page()) == source.parse(a_page())


async def test_a_page_that_is_none_is_a_parse_error_in_the_sources_words(
    worker: ParseWorker,
) -> None:
    with pytest.raises(ParseError, match="an empty body, not a feed"):
        await worker.parse(a_feed(), a_page(body=b""))


async def test_no_process_runs_before_the_first_page_and_one_serves_many(
    worker: ParseWorker, hostile: object
) -> None:
    assert worker.pid is None

    pids = [(await worker.parse(hostile, a_page())).cursor["pid"] for _ in range(2)]  # type: ignore[arg-type]

    assert pids == [worker.pid, worker.pid]


STOPPED = {
    "loops": "stopped after 1 s",
    "waits": "stopped after 1 s",
    "eats": "ran out of memory (64 MiB)",
    "exits": "died over it (exit code 7)",
}


@pytest.mark.parametrize(("shape", "said"), STOPPED.items())
async def test_what_does_not_end_well_costs_its_page_only(
    worker: ParseWorker, hostile: object, shape: str, said: str
) -> None:
    before = (await worker.parse(hostile, a_page())).cursor["pid"]  # type: ignore[arg-type]

    with pytest.raises(ParseError) as caught:
        await worker.parse(hostile, a_page(shape))  # type: ignore[arg-type]

    after = (await worker.parse(hostile, a_page())).cursor["pid"]  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert after != before
    assert is_gone(int(str(before)))


async def test_a_child_killed_from_outside_between_pages_is_replaced(worker: ParseWorker) -> None:
    await worker.parse(a_feed(), a_page())
    killed = worker.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)

    batch = await worker.parse(a_feed(), a_page())

    assert len(batch.items) == 1
    assert worker.pid != killed
    assert is_gone(killed)


async def test_a_child_killed_from_outside_amid_a_page_costs_that_page(hostile: object) -> None:
    worker = ParseWorker(deadline=timedelta(seconds=30))
    told = await _told(worker, hostile)

    os.kill(told.pid, signal.SIGKILL)

    with pytest.raises(ParseError, match="died over it \\(signal 9\\)"):
        await told.parsing
    assert len((await worker.parse(a_feed(), a_page())).items) == 1
    worker.close()


async def test_closing_stops_a_page_that_is_being_parsed(hostile: object) -> None:
    worker = ParseWorker(deadline=timedelta(seconds=30))
    told = await _told(worker, hostile)

    await asyncio.to_thread(worker.close)

    with pytest.raises(ParseError, match="the daemon stops"):
        await told.parsing
    assert is_gone(told.pid)


async def test_pages_that_come_at_once_are_all_parsed(worker: ParseWorker) -> None:
    batches = await asyncio.gather(*(worker.parse(a_feed(), a_page()) for _ in range(20)))

    assert {len(batch.items) for batch in batches} == {1}


async def test_a_source_that_breaks_is_told_from_a_page_that_is_wrong(
    worker: ParseWorker, hostile: object
) -> None:
    with pytest.raises(RuntimeError, match="KeyError: 'gone'"):
        await worker.parse(hostile, a_page("breaks"))  # type: ignore[arg-type]

    assert worker.pid is not None


async def test_an_answer_that_could_do_something_is_not_read(
    worker: ParseWorker, hostile: object
) -> None:
    with pytest.raises(ParseError, match="system is no record"):
        await worker.parse(hostile, a_page("lies"))  # type: ignore[arg-type]


async def test_the_child_keeps_out_of_the_terminals_way_and_knows_no_secrets(
    worker: ParseWorker, hostile: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_SECRET", "hush")

    batch = await worker.parse(hostile, a_page("ignores"))  # type: ignore[arg-type]

    assert batch.cursor == {"ignored": [True, True], "own_session": True, "secret": None}
    assert await worker.parse(hostile, a_page("chatters")) == Batch()  # type: ignore[arg-type]


async def test_a_source_that_cannot_travel_is_parsed_at_home(worker: ParseWorker) -> None:
    class Local:
        name = "local"

        def parse(self, page: Page) -> Batch:
            return Batch(cursor={"pid": os.getpid(), "shape": page.shape})

    assert pickle.loads(pickle.dumps(a_feed())) == a_feed()
    batch = await worker.parse(Local(), a_page())  # type: ignore[arg-type]

    assert batch.cursor == {"pid": os.getpid(), "shape": "feed"}


async def test_where_no_process_can_start_pages_are_parsed_at_home(
    worker: ParseWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    assert len((await worker.parse(a_feed(), a_page())).items) == 1


async def test_a_child_that_cannot_begin_is_no_reason_to_lose_the_page(
    worker: ParseWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.worker._CHILD", "import sys; sys.exit(3)")

    assert len((await worker.parse(a_feed(), a_page())).items) == 1


async def test_the_child_does_not_outlive_its_parent(tmp_path: Path, hostile: object) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, sys\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "from monitor.worker import ParseWorker\n"
        "from monitor.sources.base import Page\n"
        "from a_hostile_source import Hostile\n"
        "from datetime import datetime, UTC\n"
        "where = {'port': int(sys.argv[1])}\n"
        "page = Page('waits_told', 'https://a', b'', datetime.now(UTC), where)\n"
        "asyncio.run(ParseWorker().parse(Hostile(), page))\n",
        encoding="utf-8",
    )
    async with _Ear() as ear:
        parent = await asyncio.create_subprocess_exec(sys.executable, str(script), str(ear.port))
        pid, connection = await ear.heard()

        parent.kill()
        await parent.wait()

        # The child holds the other end until it dies.
        assert await asyncio.wait_for(connection.read(), 20) == b""
    assert pid > 0


class _Ear:
    """A listener that a child tells its pid, and whose connection ends with the child."""

    async def __aenter__(self) -> _Ear:
        self._heard: asyncio.Future[tuple[int, asyncio.StreamReader]] = asyncio.Future()
        self._writers: list[asyncio.StreamWriter] = []
        self._server = await asyncio.start_server(self._listen, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.close()
        self._server.close()
        await self._server.wait_closed()

    async def heard(self) -> tuple[int, asyncio.StreamReader]:
        return await asyncio.wait_for(self._heard, 60)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        pid = b""
        while len(pid) < 12 and (part := await reader.readexactly(1)) != b"\n":
            pid += part
        self._heard.set_result((int(pid), reader))


class _Told:
    def __init__(self, pid: int, parsing: asyncio.Task[Batch]) -> None:
        self.pid, self.parsing = pid, parsing


async def _told(worker: ParseWorker, hostile: object) -> _Told:
    """Return once the child is amid a page that never ends."""
    async with _Ear() as ear:
        page = a_page("waits_told", port=ear.port)
        parsing = asyncio.create_task(worker.parse(hostile, page))  # type: ignore[arg-type]
        pid, _ = await ear.heard()
    return _Told(pid, parsing)


def test_a_worker_that_was_never_used_leaves_nothing(worker: ParseWorker) -> None:
    before = threading.active_count()

    ParseWorker().close()

    assert threading.active_count() == before
