"""The webhook channel: an Alertmanager v4 body, signed, with an idempotency key.

Headers: `X-Signal-Monitor-Key` is equal for every attempt of one message;
`X-Signal-Monitor-May-Repeat: true` says that an earlier attempt may have arrived;
`X-Signal-Monitor-Timestamp` is when this attempt was made, in Unix seconds.
With a secret, `X-Signal-Monitor-Signature` is `sha256=` and the HMAC-SHA256 of the body in hex,
and `X-Signal-Monitor-Signature-V2` the same of `TIMESTAMP.BODY`: a receiver that checks it and
refuses a timestamp older than five minutes cannot be fed a recorded message again.
Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, version "4".
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import SecretStr, field_validator, model_validator

from monitor.alerts.channels.base import (
    ChannelModel,
    Poster,
    SecretAddress,
    Surroundings,
    read_address,
    read_secret,
)
from monitor.alerts.words.forms import Template
from monitor.alerts.words.message import Message
from monitor.durations import Duration
from monitor.errors import DeliveryError
from monitor.http_response import Response
from monitor.http_status import retry_after_s

NO_END = "0001-01-01T00:00:00Z"
_GATEWAY = frozenset({502, 504})


class WebhookChannel(ChannelModel):
    """Settings of `kind: webhook`. The address comes from one of url, url_env and url_file."""

    kind: Literal["webhook"]
    url: SecretAddress | None = None
    url_env: str | None = None
    url_file: str | None = None
    secret_env: str | None = None
    secret_file: str | None = None
    deadline: Duration = timedelta(seconds=10)
    external_url: str = ""

    @field_validator("deadline")
    @classmethod
    def _a_bounded_deadline(cls, deadline: timedelta) -> timedelta:
        if not timedelta(seconds=1) <= deadline <= timedelta(seconds=30):
            raise ValueError("deadline must lie between 1s and 30s")
        return deadline

    @model_validator(mode="after")
    def _one_place_for_each(self) -> Self:
        if sum(place is not None for place in (self.url, self.url_env, self.url_file)) != 1:
            raise ValueError("a webhook needs exactly one of url, url_env, url_file")
        if self.secret_env is not None and self.secret_file is not None:
            raise ValueError("a webhook takes secret_env or secret_file, not both")
        return self

    def resolve(self, around: Surroundings) -> Webhook:
        """Return the channel with its secrets. Raises ConfigError when one is missing."""
        url = read_address(self.place, around, url=self.url, env=self.url_env, file=self.url_file)
        secret = read_secret(self.place, around, env=self.secret_env, file=self.secret_file)
        template = self.read_template(around)
        return Webhook(self.name, url, secret, self.deadline, self.external_url, template)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts each alert to one address."""

    name: str
    url: SecretStr
    secret: SecretStr | None = None
    deadline: timedelta = timedelta(seconds=10)
    external_url: str = ""
    template: Template | None = None

    async def send(self, message: Message, http: Poster) -> None:
        """Post `message`. Raises DeliveryError for everything but a 2xx."""
        body = v4_body(
            message,
            receiver=self.name,
            external_url=self.external_url,
            template=self.template,
        )
        answer = await http.send(
            self.url.get_secret_value(),
            content=body,
            headers=self._headers(message, body),
            deadline=self.deadline,
        )
        if error := _refusal(answer, message):
            raise error

    def _headers(self, message: Message, body: bytes) -> dict[str, str]:
        timestamp = str(int(message.said_at.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "X-Signal-Monitor-Key": message.key,
            "X-Signal-Monitor-Timestamp": timestamp,
        }
        if message.may_repeat:
            headers["X-Signal-Monitor-May-Repeat"] = "true"
        if self.secret is not None:
            timed = timestamp.encode() + b"." + body
            headers["X-Signal-Monitor-Signature"] = signature(self.secret, body)
            headers["X-Signal-Monitor-Signature-V2"] = signature(self.secret, timed)
        return headers


def signature(secret: SecretStr, signed: bytes) -> str:
    """Return `sha256=` and the HMAC-SHA256 of `signed` in hex."""
    key = secret.get_secret_value().encode()
    return "sha256=" + hmac.new(key, signed, hashlib.sha256).hexdigest()


def v4_body(
    message: Message, *, receiver: str, external_url: str = "", template: Template | None = None
) -> bytes:
    """Return `message` as the JSON that Alertmanager sends to webhooks, one entry a leg.

    The first entry of an alert says all of it, the others their own line, so that a receiver that
    prints each prints nothing twice. What the channel's `template` makes of the message stands in
    the very first. `groupKey` and `groupLabels` are equal for every message of one group.
    """
    text = message.written(template.form, None, template) if template else None
    alerts = [
        _v4_alert(entry, _description(entry, message, text, is_first=index == 0))
        for index, entry in enumerate(message.alerts)
    ]
    body = {
        "version": "4",
        "groupKey": message.group_key,
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": receiver,
        "groupLabels": {"alertname": message.rule, **message.group_labels},
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": external_url,
        "alerts": alerts,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _description(
    entry: Mapping[str, Any], message: Message, templated: str | None, *, is_first: bool
) -> str:
    annotations = entry["annotations"]
    if is_first:
        said = templated or annotations.get("description", message.text)
    else:
        own_line = annotations.get("summary", message.title)
        said = own_line if templated else annotations.get("description", own_line)
    return str(said)


def _v4_alert(entry: Mapping[str, Any], description: str) -> dict[str, Any]:
    labels = entry["labels"]
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {**entry["annotations"], "description": description},
        "startsAt": entry["startsAt"],
        "endsAt": NO_END,
        "generatorURL": entry["generatorURL"],
        "fingerprint": hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16],
    }


def _common(maps: Sequence[Mapping[str, str]]) -> dict[str, str]:
    if not maps:
        return {}
    return {
        name: value
        for name, value in maps[0].items()
        if all(other.get(name) == value for other in maps[1:])
    }


def _refusal(answer: Response, message: Message) -> DeliveryError | None:
    status = answer.status
    if 200 <= status < 300:
        return None
    if status in (408, 429) or status >= 500:
        return DeliveryError(
            f"the receiver answered HTTP {status}",
            recoverable=True,
            # A gateway that gave up waiting cannot know whether its backend took the alert.
            maybe_sent=status in _GATEWAY,
            retry_after_s=retry_after_s(answer.headers.get("retry-after"), now=message.said_at),
        )
    advice = "; it moved, change the address" if 300 <= status < 400 else ""
    return DeliveryError(f"the receiver refused with HTTP {status}{advice}", recoverable=False)
