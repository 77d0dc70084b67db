from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, cast

import apprise
import pytest
from pydantic import SecretStr, ValidationError

from monitor.alerts.apprise_channel import AppriseChannel, AppriseSender
from monitor.alerts.channel import Poster, Surroundings
from monitor.alerts.message import Message
from monitor.errors import ConfigError, DeliveryError

# apprise imports modules that this Python means to drop; nothing of ours does.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NO_NETWORK = cast(Poster, None)
BuildMessage = Callable[..., Message]
SENDER = AppriseSender("phone", SecretStr("json://localhost/T0K3N"), max_length=100)


@pytest.fixture
def notified(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What apprise was asked to send; it takes everything."""
    calls: list[dict[str, Any]] = []

    def notify(self: apprise.Apprise, **kwargs: Any) -> bool:
        calls.append(kwargs)
        return True

    monkeypatch.setattr(apprise.Apprise, "notify", notify)
    return calls


async def test_text_is_sent_as_plain_text_and_nothing_else(
    a_message: BuildMessage, notified: list[dict[str, Any]]
) -> None:
    await SENDER.send(a_message(severity="critical"), NO_NETWORK)
    (call,) = notified
    assert (call["title"], call["body"]) == ("series-x: Alibaba −9.0 pp", "No public cause found")
    assert call["body_format"] == apprise.NotifyFormat.TEXT
    assert call["attach"] is None
    assert call["interpret_escapes"] is False
    assert call["notify_type"] == "failure"


async def test_hostile_text_calls_nobody_and_keeps_the_limit(
    a_message: BuildMessage, notified: list[dict[str, Any]]
) -> None:
    hostile = "@everyone <!channel> \x1b[2J mailto://evil json://evil " + "x" * 500
    await SENDER.send(a_message(title=hostile, lines=(hostile, hostile)), NO_NETWORK)
    (call,) = notified
    for text in (call["title"], call["body"]):
        assert "@everyone" not in text
        assert "<!channel>" not in text
        assert "\x1b" not in text
    assert len(call["title"]) + len(call["body"]) <= 100


async def test_an_unconfirmed_send_may_have_arrived(
    a_message: BuildMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprise.Apprise, "notify", lambda self, **kwargs: False)
    with pytest.raises(DeliveryError) as caught:
        await SENDER.send(a_message(), NO_NETWORK)
    assert caught.value.recoverable
    assert caught.value.maybe_sent
    assert "T0K3N" not in str(caught.value)


async def test_an_unknown_service_is_permanent_and_not_quoted(a_message: BuildMessage) -> None:
    sender = AppriseSender("phone", SecretStr("nosuch://T0K3N"))
    with pytest.raises(DeliveryError, match="does not understand") as caught:
        await sender.send(a_message(), NO_NETWORK)
    assert not caught.value.recoverable
    assert "T0K3N" not in str(caught.value)


def test_the_url_comes_from_a_variable_or_file_only() -> None:
    with pytest.raises(ValidationError, match="Extra inputs") as caught:
        AppriseChannel.model_validate({"name": "p", "kind": "apprise", "url": "json://T0K3N"})
    assert "T0K3N" not in str(caught.value)
    with pytest.raises(ValidationError, match="exactly one of url_env, url_file"):
        AppriseChannel.model_validate({"name": "p", "kind": "apprise"})


def test_a_missing_variable_is_named_and_a_present_one_is_hidden() -> None:
    model = AppriseChannel(name="phone", kind="apprise", url_env="PHONE_URL")
    streams = (str, io.StringIO(), io.StringIO())
    with pytest.raises(ConfigError, match="phone: the environment variable PHONE_URL is not set"):
        model.resolve(Surroundings({}, *streams))
    channel = model.resolve(Surroundings({"PHONE_URL": "json://T0K3N"}, *streams))
    assert "T0K3N" not in repr(channel)
