from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from monitor.alerts.channels.base import Surroundings
from monitor.alerts.channels.webhook import NO_END, Webhook, WebhookChannel, v4_body
from monitor.alerts.words.forms import load_template
from monitor.alerts.words.message import Message, render
from monitor.errors import ConfigError, DeliveryError
from monitor.http_response import Response

BuildMessage = Callable[..., Message]
URL = "https://hooks.example/T0K3N-canary"


class Receiver:
    """Answers every post the same way and keeps what it got."""

    def __init__(self, status: int = 200, **headers: str) -> None:
        self.status, self.headers = status, {k.replace("_", "-"): v for k, v in headers.items()}
        self.posts: list[tuple[str, bytes, dict[str, str]]] = []

    async def send(
        self,
        url: str,
        *,
        content: bytes,
        headers: Mapping[str, str],
        deadline: timedelta | None = None,
    ) -> Response:
        self.posts.append((url, content, dict(headers)))
        return Response(url, self.status, self.headers, b"")


def around(files: Mapping[str, str] | None = None, **environ: str) -> Surroundings:
    def read_text(path: str) -> str:
        try:
            return (files or {})[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory") from None

    return Surroundings(environ, read_text, io.StringIO(), io.StringIO())


def settings(**changes: Any) -> WebhookChannel:
    return WebhookChannel.model_validate({"name": "desk", "kind": "webhook", **changes})


async def test_the_signature_can_be_verified_by_the_receiver(a_message: BuildMessage) -> None:
    receiver = Receiver()
    channel = settings(url=URL, secret_env="DESK_SECRET").resolve(around(DESK_SECRET="s3cret"))
    await channel.send(a_message(), receiver)
    ((url, body, headers),) = receiver.posts
    expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    timed = hmac.new(b"s3cret", b"1764244800." + body, hashlib.sha256).hexdigest()
    assert url == URL
    assert headers == {
        "Content-Type": "application/json",
        "X-Signal-Monitor-Key": "k1",
        "X-Signal-Monitor-Timestamp": "1764244800",
        "X-Signal-Monitor-Signature": f"sha256={expected}",
        "X-Signal-Monitor-Signature-V2": f"sha256={timed}",
    }


async def test_a_later_attempt_signs_its_own_time(a_message: BuildMessage) -> None:
    receiver = Receiver()
    channel = Webhook("desk", SecretStr(URL), SecretStr("s3cret"))
    first = a_message()
    await channel.send(first, receiver)
    await channel.send(
        a_message(said_at=first.said_at + timedelta(minutes=5), may_repeat=True), receiver
    )
    (_, _, one), (_, _, two) = receiver.posts
    assert one["X-Signal-Monitor-Key"] == two["X-Signal-Monitor-Key"]
    assert int(two["X-Signal-Monitor-Timestamp"]) - int(one["X-Signal-Monitor-Timestamp"]) == 300
    assert one["X-Signal-Monitor-Signature-V2"] != two["X-Signal-Monitor-Signature-V2"]


async def test_every_alert_of_a_digest_tells_its_own(a_message: BuildMessage) -> None:
    entry = a_message().alerts[0]
    told = [
        {**entry, "annotations": {"summary": said, "description": f"all of {said}"}}
        for said in ("one", "two")
    ]
    body = json.loads(v4_body(a_message(alerts=told), receiver="desk"))
    descriptions = [alert["annotations"]["description"] for alert in body["alerts"]]
    assert descriptions == ["all of one", "all of two"]


def test_a_bridge_that_prints_each_entry_prints_nothing_twice(
    a_move: Callable[..., Any], stored: Callable[..., Any], now: datetime
) -> None:
    legs = [
        a_move(),
        a_move(outcome_id=2, label="Moonshot", price_from=0.1, price_to=0.4, move=0.3),
        a_move(outcome_id=3, label="Zhipu", price_from=0.2, price_to=0.14, move=-0.06),
    ]
    body = json.loads(v4_body(render(stored(*legs), now=now), receiver="desk"))
    first, *others = [alert["annotations"] for alert in body["alerts"]]
    assert "Alibaba −9.0 pp (0.92 → 0.83), Moonshot" in first["summary"]
    assert first["description"].startswith(first["summary"] + "\n")
    for said in ("summary", "description"):
        assert [other[said] for other in others] == [
            "Moonshot +30.0 pp (0.10 → 0.40)",
            "Zhipu −6.0 pp (0.20 → 0.14)",
        ]


def test_what_a_template_makes_stands_in_the_first_entry_alone(a_message: BuildMessage) -> None:
    entry = a_message().alerts[0]
    leg = {**entry, "annotations": {"summary": "Moonshot +30.0 pp", "description": "all of it"}}
    template = load_template("desk", "desk.j2", "{{ severity }}: {{ title }}")
    message = a_message(alerts=(entry, leg))
    body = json.loads(v4_body(message, receiver="desk", template=template))
    assert [alert["annotations"]["description"] for alert in body["alerts"]] == [
        "info: series-x: Alibaba −9.0 pp",
        "Moonshot +30.0 pp",
    ]


def test_a_group_is_named_with_its_labels(a_message: BuildMessage) -> None:
    message = a_message(group_key="group:jump:theme=x", group_labels={"theme": "x"})
    body = json.loads(v4_body(message, receiver="desk"))
    assert body["groupKey"] == "group:jump:theme=x"
    assert body["groupLabels"] == {"alertname": "jump", "theme": "x"}


async def test_a_template_replaces_the_description(a_message: BuildMessage) -> None:
    receiver = Receiver()
    model = settings(url=URL, template="desk.j2")
    channel = model.resolve(around({"desk.j2": "{{ severity }}: {{ title }}"}))
    await channel.send(a_message(), receiver)
    (alert,) = json.loads(receiver.posts[0][1])["alerts"]
    assert alert["annotations"]["description"] == "info: series-x: Alibaba −9.0 pp"


@pytest.mark.parametrize(("files", "says"), [
    ({}, r"desk: cannot read desk\.j2: No such file"),
    ({"desk.j2": "one\n{% if %}"}, r"desk: template desk\.j2:2: "),
])  # fmt: skip
def test_a_bad_template_is_named_with_its_line(files: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        settings(url=URL, template="desk.j2").resolve(around(files))


async def test_a_repeat_carries_the_same_key_and_says_so(a_message: BuildMessage) -> None:
    receiver = Receiver()
    await Webhook("desk", SecretStr(URL)).send(a_message(may_repeat=True), receiver)
    headers = receiver.posts[0][2]
    assert headers["X-Signal-Monitor-Key"] == "k1"
    assert headers["X-Signal-Monitor-May-Repeat"] == "true"
    assert not [name for name in headers if "Signature" in name]


def test_the_body_has_the_shape_of_alertmanager_version_4(a_message: BuildMessage) -> None:
    message = a_message()
    other = {**message.alerts[0], "labels": {"alertname": "jump", "outcome": "Moonshot"}}
    body = json.loads(
        v4_body(
            a_message(alerts=(*message.alerts, other)), receiver="desk", external_url="http://m"
        )
    )
    assert set(body) == {
        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels",
        "commonLabels", "commonAnnotations", "externalURL", "alerts",
    }  # fmt: skip
    assert (body["version"], body["status"], body["truncatedAlerts"]) == ("4", "firing", 0)
    assert (body["receiver"], body["groupKey"]) == ("desk", "move:series-x")
    assert (body["groupLabels"], body["externalURL"]) == ({"alertname": "jump"}, "http://m")
    assert body["commonLabels"] == {"alertname": "jump"}
    assert body["commonAnnotations"] == {"summary": "series-x: Alibaba −9.0 pp"}
    first, second = body["alerts"]
    assert set(first) == {
        "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint",
    }  # fmt: skip
    assert (first["status"], first["endsAt"]) == ("firing", NO_END)
    assert len({first["fingerprint"], second["fingerprint"]}) == 2
    assert {len(alert["fingerprint"]) for alert in body["alerts"]} == {16}


def test_hostile_text_cannot_leave_its_json_string(a_message: BuildMessage) -> None:
    lines = ('"},"status":"resolved', "\x00\x1b[2J \ud800 \u2028")
    body = v4_body(a_message(lines=lines), receiver="desk")
    assert body.isascii()
    assert json.loads(body)["status"] == "firing"
    assert json.loads(body)["alerts"][0]["annotations"]["description"] == "\n".join(lines)


@pytest.mark.parametrize(("status", "recoverable", "maybe_sent"), [
    (301, False, False), (400, False, False), (401, False, False), (404, False, False),
    (410, False, False), (408, True, False), (429, True, False), (500, True, False),
    (502, True, True), (503, True, False), (504, True, True),
])  # fmt: skip
async def test_only_what_may_pass_is_tried_again(
    a_message: BuildMessage, status: int, recoverable: bool, maybe_sent: bool
) -> None:
    with pytest.raises(DeliveryError, match=str(status)) as caught:
        await Webhook("desk", SecretStr(URL)).send(a_message(), Receiver(status))
    assert (caught.value.recoverable, caught.value.maybe_sent) == (recoverable, maybe_sent)


@pytest.mark.parametrize(("header", "pause"), [
    ("120", 120.0),
    ("Thu, 27 Nov 2025 12:01:00 GMT", 60.0),
    ("999999999", 86_400.0),
    ("soon", None),
])  # fmt: skip
async def test_the_receivers_pause_is_passed_on(
    a_message: BuildMessage, header: str, pause: float | None
) -> None:
    with pytest.raises(DeliveryError) as caught:
        await Webhook("desk", SecretStr(URL)).send(a_message(), Receiver(429, retry_after=header))
    assert caught.value.retry_after_s == pause


@pytest.mark.parametrize(("changes", "says"), [
    ({}, "exactly one of url"),
    ({"url": URL, "url_env": "X"}, "exactly one of url"),
    ({"url": URL, "secret_env": "A", "secret_file": "b"}, "not both"),
    ({"url": "ftp://x.example"}, "is not an http or https address"),
    ({"url": "https://me:pw@x.example"}, "without user name"),
    ({"url": "https://x.example:T0K3N/"}, "is not an http or https address"),
    ({"url": URL, "deadline": "5m"}, "between 1s and 30s"),
    ({"url": URL, "wake_for": "loud"}, "'info', 'warning' or 'critical'"),
])  # fmt: skip
def test_wrong_settings_are_refused_without_quoting_them(
    changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        settings(**changes)
    assert "T0K3N" not in str(caught.value)
    assert "me:pw" not in str(caught.value)


def test_a_missing_secret_is_named_with_its_channel() -> None:
    with pytest.raises(ConfigError, match=r"desk: the environment variable DESK_URL is not set"):
        settings(url_env="DESK_URL").resolve(around())
    with pytest.raises(ConfigError, match=r"desk: cannot read key\.txt: No such file"):
        settings(url=URL, secret_file="key.txt").resolve(around())
    with pytest.raises(ConfigError, match=r"desk: key\.txt is empty"):
        settings(url=URL, secret_file="key.txt").resolve(around({"key.txt": "\n"}))


def test_a_secret_file_may_end_in_a_line_break() -> None:
    channel = settings(url=URL, secret_file="key.txt").resolve(around({"key.txt": "s3cret\n"}))
    assert channel.secret == SecretStr("s3cret")


def test_an_address_from_a_variable_is_checked_and_not_quoted() -> None:
    with pytest.raises(ConfigError, match="what DESK_URL holds") as caught:
        settings(url_env="DESK_URL").resolve(around(DESK_URL="canary"))
    assert "canary" not in str(caught.value)


async def test_secrets_are_in_no_repr_and_no_error(a_message: BuildMessage) -> None:
    model = settings(url=URL, secret_env="DESK_SECRET")
    channel = model.resolve(around(DESK_SECRET="s3cret"))
    with pytest.raises(DeliveryError) as caught:
        await channel.send(a_message(), Receiver(500))
    said = f"{model!r} {model.model_dump_json()} {channel!r} {caught.value!r}"
    assert "s3cret" not in said
    assert "T0K3N" not in said
