"""One message through apprise in a process of its own, against services on loopback."""

from __future__ import annotations

import asyncio
import email
import email.policy
import io
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from monitor.alerts.channels.apprise_channel import AppriseChannel, AppriseSender
from monitor.alerts.channels.base import Surroundings
from monitor.alerts.words.message import Message
from monitor.errors import ConfigError, DeliveryError

BuildMessage = Callable[..., Message]
TOKEN = "T0K3N-canary"


def network(*allowed: str) -> Any:
    """The part of the network that the channel asks: what may be private."""
    return SimpleNamespace(allowed=frozenset(allowed))


def sender(url: str, **changes: Any) -> AppriseSender:
    return AppriseSender("phone", SecretStr(url), **changes)


@dataclass
class Service:
    """An HTTP service; the first part of a request's path says how it answers."""

    place: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    told_of_children: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, how: str, query: str = "") -> str:
        return f"json://{self.place}/{how}/{TOKEN}{query}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            size = [line for line in head.splitlines() if line.lower().startswith("content-length")]
            body = await reader.readexactly(int(size[0].split(":")[1])) if size else b"{}"
            self.requests.append(head.splitlines()[0])
            self.bodies.append(json.loads(body))
            self.told_of_children += children()
            self.asked.set()
            how = head.split("/")[1]
            if how == "hang":
                await reader.read()
            elif how != "reset":
                writer.write(self.reply(how).encode())
                await writer.drain()
        finally:
            writer.close()

    def reply(self, how: str) -> str:
        more = {
            "429": "Retry-After: 77\r\n",
            "307": f"Location: http://{self.place}/200/{TOKEN}\r\n",
            "302": "Location: http://127.0.0.2:9/private\r\n",
        }.get(how, "")
        return f"HTTP/1.1 {how} X\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"


def children() -> list[str]:
    """Return arguments and environment of every process that this one started."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            ours = f"PPid:\t{os.getpid()}\n" in (process / "status").read_text()
            if process.name.isdigit() and ours:
                found += [(process / name).read_text() for name in ("cmdline", "environ")]
        except OSError:
            continue
    return found


@asynccontextmanager
async def serving(answer: Callable[..., Any]) -> AsyncIterator[str]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    async with serving(service.answer) as service.place:
        yield service


async def refusal(of: AppriseSender, message: Message, http: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await of.send(message, http)
    return caught.value


async def test_a_listed_address_gets_the_text_and_nothing_else(
    service: Service, a_message: BuildMessage
) -> None:
    await sender(service.url("200")).send(
        a_message(severity="critical"), network(service.place.upper())
    )

    (body,) = service.bodies
    assert body["title"] == "series-x: Alibaba −9.0 pp"
    assert body["message"] == "No public cause found"
    assert (body["type"], body["attachments"]) == ("failure", [])


async def test_a_name_may_be_listed_as_well_as_its_address(
    service: Service, a_message: BuildMessage
) -> None:
    by_name = service.place.replace("127.0.0.1", "localhost")

    await sender(f"json://{by_name}/200/").send(a_message(), network(by_name))

    assert len(service.bodies) == 1


async def test_a_private_address_is_refused_with_the_way_out(
    service: Service, a_message: BuildMessage
) -> None:
    error = await refusal(sender(service.url("200")), a_message(), network())

    assert str(error) == (
        "refused to connect to 127.0.0.1, which is not a public address; "
        f"list '{service.place}' under http.allow_private_hosts if that is meant"
    )
    assert (error.recoverable, error.maybe_sent, service.bodies) == (False, False, [])


@pytest.mark.parametrize(("how", "query", "says"), [
    ("302", "?redirect=yes", "refused to connect to 127.0.0.2"),
    ("302", "", "moved (HTTP 302); change the address"),
    # Followed, this one would be a GET at the new place, whose 200 is no delivery.
    ("307", "", "moved (HTTP 307)"),
])  # fmt: skip
async def test_a_redirect_leads_nowhere_private_and_passes_for_no_delivery(
    service: Service, a_message: BuildMessage, how: str, query: str, says: str
) -> None:
    error = await refusal(sender(service.url(how, query)), a_message(), network(service.place))

    assert says in str(error)
    assert not error.recoverable
    assert len(service.bodies) == 1


async def test_every_status_ends_in_its_own_state(
    service: Service, a_message: BuildMessage
) -> None:
    expected = {
        "401": ("the service refused with HTTP 401", False, False, None),
        "410": ("the service refused with HTTP 410", False, False, None),
        "429": ("the service answered HTTP 429", True, False, 77.0),
        "500": ("the service answered HTTP 500", True, False, None),
        "504": ("the service answered HTTP 504", True, True, None),
        "reset": ("the service gave no answer (ConnectionError)", True, True, None),
    }
    errors = await asyncio.gather(
        *(
            refusal(sender(service.url(how)), a_message(), network(service.place))
            for how in expected
        )
    )

    found = [(str(e), e.recoverable, e.maybe_sent, e.retry_after_s) for e in errors]
    assert found == list(expected.values())


async def test_what_nobody_listens_to_was_not_sent(a_message: BuildMessage) -> None:
    error = await refusal(sender("json://127.0.0.1:1/"), a_message(), network("127.0.0.1:1"))

    assert str(error) == "the service cannot be reached (NewConnectionError)"
    assert (error.recoverable, error.maybe_sent) == (True, False)


async def test_a_service_that_hangs_is_killed_and_may_have_taken_it(
    service: Service, a_message: BuildMessage
) -> None:
    slow = sender(service.url("hang", "?rto=60"), deadline=timedelta(seconds=1))

    error = await refusal(slow, a_message(), network(service.place))

    assert str(error) == "the service gave no answer before the deadline; its process was stopped"
    assert (error.recoverable, error.maybe_sent) == (True, True)
    assert children() == []


async def test_a_cut_delivery_leaves_no_process(service: Service, a_message: BuildMessage) -> None:
    slow = sender(service.url("hang", "?rto=60"))
    task = asyncio.create_task(slow.send(a_message(), network(service.place)))
    await service.asked.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert children() == []


async def test_the_url_is_in_no_argument_environment_log_or_error(
    service: Service, a_message: BuildMessage, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PHONE_URL", service.url("500"))
    model = AppriseChannel(name="phone", kind="apprise", url_env="PHONE_URL")
    streams = (str, io.StringIO(), io.StringIO())
    channel = model.resolve(Surroundings(os.environ, *streams))

    with capture_logs() as logs:
        error = await refusal(channel, a_message(), network(service.place))

    seen = "\n".join([*service.told_of_children, repr(logs), *capfd.readouterr()])
    assert len(service.told_of_children) >= 2
    assert TOKEN in service.requests[0]
    for text in (seen, str(error), repr(error.__cause__), repr(channel), repr(model)):
        assert TOKEN not in text


async def test_a_message_is_cut_to_the_limit_and_calls_nobody(
    service: Service, a_message: BuildMessage
) -> None:
    hostile = "@everyone <!channel> \x1b[2J mailto://evil json://evil " + "x" * 500
    message = a_message(title=hostile, lines=(hostile, hostile))

    await sender(service.url("200"), max_length=100).send(message, network(service.place))

    (body,) = service.bodies
    for text in (body["title"], body["message"]):
        assert "@everyone" not in text
        assert "<!channel>" not in text
        assert "\x1b" not in text
    assert len(body["title"]) + len(body["message"]) <= 100


@pytest.mark.parametrize("form", ["markdown", "html"])
async def test_a_channel_may_name_the_format(
    service: Service, a_message: BuildMessage, form: Any
) -> None:
    message = a_message()

    await sender(service.url("200"), format=form).send(message, network(service.place))

    assert service.bodies[0]["message"] == getattr(message, form)().strip()


async def test_a_template_decides_the_words_and_their_form(
    service: Service, a_message: BuildMessage
) -> None:
    model = AppriseChannel(
        name="phone", kind="apprise", url_env="PHONE_URL", template=Path("mine.md.j2")
    )
    files = {"mine.md.j2": "**{{ severity }}** {{ title }}"}
    around = Surroundings(
        {"PHONE_URL": service.url("200")}, files.__getitem__, io.StringIO(), io.StringIO()
    )

    await model.resolve(around).send(a_message(title="2*3*4"), network(service.place))

    assert service.bodies[0]["message"] == "**info** series-x: Alibaba −9.0 pp"


@dataclass
class MailServer:
    """Takes mail but for commands that hold a word of `refused`, which get that code."""

    refused: dict[str, int] = field(default_factory=dict)
    silent_after_data: bool = False
    mails: list[bytes] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 desk.example ready\r\n")
        while line := (await reader.readline()).decode():
            word = line.split()[0].upper()
            code = next((code for name, code in self.refused.items() if name in line), 250)
            if word == "DATA":
                writer.write(b"354 go on\r\n")
                mail = await reader.readuntil(b"\r\n.\r\n")
                if self.silent_after_data:
                    break
                self.mails.append(mail[:-5])
            writer.write(f"{221 if word == 'QUIT' else code} said\r\n".encode())
            if word == "QUIT":
                break
        writer.close()


def mail_to(place: str, *targets: str) -> str:
    return f"mailto://{place}/{'/'.join(targets)}?from=monitor@desk.example&mode=insecure"


async def test_mail_has_html_and_text(a_message: BuildMessage) -> None:
    server = MailServer()
    message = a_message()
    async with serving(server.answer) as place:
        await sender(mail_to(place, "me@desk.example")).send(message, network(place))

    mail = email.message_from_bytes(server.mails[0], policy=email.policy.default)
    assert mail["Subject"] == "series-x: Alibaba −9.0 pp"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    for part in mail.iter_parts():
        assert "No public cause found" in part.get_content()


@pytest.mark.parametrize(("server", "says", "recoverable", "maybe_sent"), [
    (MailServer({"rcpt": 550}), "the mail server refused with SMTP 550", False, False),
    (MailServer({"rcpt": 451}), "the mail server answered SMTP 451", True, False),
    (MailServer({"you@": 550}), "the mail server refused with SMTP 550", False, True),
    (MailServer(silent_after_data=True), "the mail server gave no answer", True, True),
])  # fmt: skip
async def test_a_mail_server_is_taken_at_its_word(
    a_message: BuildMessage, server: MailServer, says: str, recoverable: bool, maybe_sent: bool
) -> None:
    async with serving(server.answer) as place:
        mail = sender(mail_to(place, "me@desk.example", "you@desk.example"))
        error = await refusal(mail, a_message(), network(place))

    assert (str(error), error.recoverable, error.maybe_sent) == (says, recoverable, maybe_sent)


@pytest.mark.parametrize(("url", "says"), [
    (f"nosuch://{TOKEN}", "apprise does not understand the channel's URL"),
    (f"json://a.example/{TOKEN} json://b.example", "names 2 services; make a channel for each"),
])  # fmt: skip
async def test_an_unusable_url_is_permanent_and_not_quoted(
    a_message: BuildMessage, url: str, says: str
) -> None:
    error = await refusal(sender(url), a_message(), network())

    assert says in str(error)
    assert (error.recoverable, error.maybe_sent) == (False, False)
    assert TOKEN not in str(error)


async def test_an_interpreter_that_is_gone_is_tried_again(
    a_message: BuildMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")

    error = await refusal(sender("json://a.example"), a_message(), network())

    assert str(error) == "apprise cannot be started: No such file or directory"
    assert (error.recoverable, error.maybe_sent) == (True, False)


async def test_a_child_that_dies_at_its_start_has_sent_nothing(
    a_message: BuildMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")

    error = await refusal(sender("json://a.example"), a_message(), network())

    assert str(error) == "the process of apprise died"
    assert (error.recoverable, error.maybe_sent) == (True, False)


def test_the_url_comes_from_a_variable_or_file_only() -> None:
    with pytest.raises(ValidationError, match="Extra inputs") as caught:
        AppriseChannel.model_validate({"name": "p", "kind": "apprise", "url": "json://T0K3N"})
    assert "T0K3N" not in str(caught.value)
    with pytest.raises(ValidationError, match="exactly one of url_env, url_file"):
        AppriseChannel.model_validate({"name": "p", "kind": "apprise"})


def test_the_deadline_stays_below_that_of_an_attempt() -> None:
    from monitor.alerts.channels.apprise_channel import MAX_DEADLINE, START_DEADLINE
    from monitor.alerts.outbox import DeliveryPolicy

    with pytest.raises(ValidationError, match="between 1s and 15s"):
        AppriseChannel(name="p", kind="apprise", url_env="X", deadline="16s")
    assert DeliveryPolicy().deadline > START_DEADLINE + MAX_DEADLINE


def test_a_missing_variable_is_named_and_a_present_one_is_hidden() -> None:
    model = AppriseChannel(name="phone", kind="apprise", url_env="PHONE_URL")
    streams = (str, io.StringIO(), io.StringIO())
    with pytest.raises(ConfigError, match="phone: the environment variable PHONE_URL is not set"):
        model.resolve(Surroundings({}, *streams))
    channel = model.resolve(Surroundings({"PHONE_URL": "json://T0K3N"}, *streams))
    assert "T0K3N" not in repr(channel)
