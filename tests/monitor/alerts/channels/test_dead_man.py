"""The ping of the dead man's switch: a GET, only while all is well, its address never told."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from monitor.alerts.channels.base import Surroundings
from monitor.alerts.channels.dead_man import DeadMan, DeadManSwitch
from monitor.clock import SystemClock
from monitor.daemon import Daemon
from monitor.errors import ConfigError, DeliveryError
from monitor.http_client import HttpClient
from monitor.http_response import Response
from monitor.jobs.dead_man import ping_while_well
from tests.desk import PATIENCE_S, Desk, open_desk, until

URL = "https://watch.example/T0K3N-canary"
SWITCH = DeadMan(SecretStr(URL), timedelta(minutes=1))


@dataclass
class Watcher:
    """Answers every ping the same way."""

    status: int = 200
    error: DeliveryError | None = None
    pings: list[tuple[str, str, bytes]] = field(default_factory=list)
    allowed: frozenset[str] = frozenset()

    async def send(
        self,
        url: str,
        *,
        content: bytes,
        headers: Mapping[str, str],
        deadline: timedelta | None = None,
        method: str = "POST",
    ) -> Response:
        self.pings.append((method, url, content))
        if self.error is not None:
            raise self.error
        return Response(url, self.status, {}, b"OK")

    async def aclose(self) -> None:
        """Nothing is open."""


def around(**environ: str) -> Surroundings:
    return Surroundings(environ, lambda name: f"{URL}\n", io.StringIO(), io.StringIO())


def counted(desk: Desk, result: str) -> float:
    return desk.app.metrics.registry.get_sample_value(
        "signal_monitor_dead_man_pings_total", {"result": result}
    ) or 0.0  # fmt: skip


async def test_a_ping_is_a_get_without_a_body() -> None:
    watcher = Watcher()

    await SWITCH.ping(watcher)

    assert watcher.pings == [("GET", URL, b"")]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_only_a_2xx_is_a_ping(status: int) -> None:
    with pytest.raises(DeliveryError, match=f"the watcher answered HTTP {status}") as caught:
        await SWITCH.ping(Watcher(status))
    assert "watch.example" not in str(caught.value)


async def test_the_real_client_pings_and_its_failures_name_no_address() -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    switch = DeadMan(SecretStr(f"http://{place}/T0K3N-canary"))
    options: dict[str, Any] = {"contact": "me", "deadline": timedelta(seconds=5), "max_bytes": 999}
    allowed = frozenset({place})
    async with HttpClient(SystemClock(), **options, allow_private_hosts=allowed) as http:
        await switch.ping(http)
        server.close()
        await server.wait_closed()
        await http.aclose()
        with pytest.raises(DeliveryError) as unreachable:
            await switch.ping(http)
    async with HttpClient(SystemClock(), **options) as http:
        with pytest.raises(DeliveryError) as refused:
            await switch.ping(http)

    assert heads[0].startswith(b"GET /T0K3N-canary HTTP/1.1\r\n")
    assert str(unreachable.value) == "the watcher gave no answer (ConnectError)"
    assert f'list "{place}" under http.allow_private_hosts' in str(refused.value)
    assert "T0K3N" not in f"{unreachable.value} {refused.value}"


async def test_a_failed_ping_is_logged_without_its_address_and_counted(tmp_path: Path) -> None:
    async with open_desk(tmp_path, sources=()) as desk:
        desk.app.http = Watcher(500)  # type: ignore[assignment]
        with capture_logs() as logs:
            wait_s = await ping_while_well(desk.app, SWITCH, [])

        assert (wait_s, counted(desk, "failed"), counted(desk, "sent")) == (60.0, 1.0, 0.0)
    assert "the watcher answered HTTP 500" in repr(logs)
    assert "T0K3N" not in repr(logs)


async def test_nothing_is_said_while_a_loop_is_late(tmp_path: Path) -> None:
    watcher = Watcher()
    async with open_desk(tmp_path, sources=()) as desk:
        desk.app.http = watcher  # type: ignore[assignment]
        with capture_logs() as logs:
            wait_s = await ping_while_well(desk.app, SWITCH, ["poll:wire is 140 s late"])

        assert (wait_s, counted(desk, "withheld")) == (60.0, 1.0)
    assert watcher.pings == []
    assert logs[0]["late"] == ["poll:wire is 140 s late"]


async def test_the_daemon_pings_as_long_as_it_runs_and_not_after(tmp_path: Path) -> None:
    watcher = Watcher()
    async with open_desk(tmp_path, sources=()) as desk:
        desk.app.http = watcher  # type: ignore[assignment]
        desk.app.dead_man = DeadMan(SecretStr(URL), timedelta(milliseconds=10))
        daemon, stopped = Daemon(desk.app, rng=random.Random(7)), asyncio.Event()
        task = asyncio.create_task(daemon.run(serve=False, stopped=stopped))
        await until(lambda: len(watcher.pings) >= 3)
        stopped.set()
        await asyncio.wait_for(task, PATIENCE_S)
        so_far = len(watcher.pings)

        daemon.timetable.wake("dead-man")
        await asyncio.sleep(0)

        assert len(watcher.pings) == so_far
        assert counted(desk, "sent") == so_far


async def test_the_first_ping_comes_after_one_interval(tmp_path: Path) -> None:
    async with open_desk(tmp_path, sources=()) as desk:
        desk.app.dead_man = SWITCH
        daemon = Daemon(desk.app, rng=random.Random(7))
        before = desk.app.clock.monotonic()
        await daemon._schedule()

        (job,) = [job for job in daemon.timetable.jobs if job.name == "dead-man"]
        assert 60.0 <= job.due - before < 61.0


@pytest.mark.parametrize(("given", "says"), [
    ({}, "exactly one of url, url_env, url_file"),
    ({"url": URL, "url_env": "X"}, "exactly one of"),
    ({"url": "ftp://watch.example/T0K3N"}, "is not an http or https address"),
    ({"url": URL, "every": "1s"}, "between 10s and 1d"),
    ({"url": URL, "method": "post"}, "Extra inputs"),
])  # fmt: skip
def test_wrong_settings_are_refused_without_quoting_them(given: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        DeadManSwitch.model_validate(given)
    assert "T0K3N" not in str(caught.value)


def test_the_address_may_lie_in_a_variable_or_a_file() -> None:
    by_env = DeadManSwitch(url_env="DEAD_MAN_URL", every="2m")
    by_file = DeadManSwitch(url_file="ping.txt")

    assert by_env.resolve(around(DEAD_MAN_URL=URL)) == DeadMan(SecretStr(URL), timedelta(minutes=2))
    assert by_file.resolve(around()) == SWITCH
    with pytest.raises(ConfigError, match=r"alerts\.dead_man: the environment variable DEAD_MAN"):
        by_env.resolve(around())
    with pytest.raises(ConfigError, match="what DEAD_MAN_URL holds is not") as caught:
        by_env.resolve(around(DEAD_MAN_URL="T0K3N"))
    assert "T0K3N" not in f"{caught.value} {by_env.resolve(around(DEAD_MAN_URL=URL))!r}"
