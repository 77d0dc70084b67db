"""What each kind of service is given. The process itself is shown in test_apprise_channel."""

from __future__ import annotations

from typing import Any

import apprise
import pytest

from monitor.alerts.channels import apprise_child
from monitor.alerts.channels.apprise_guard import Guard
from monitor.alerts.channels.apprise_watch import Watch

# apprise imports modules that this Python means to drop; nothing of ours does.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ORDER = {
    "format": "auto", "notify_type": "info", "title": "facts", "text": "headline",
    "whole": {"text": "facts\nheadline", "markdown": "**facts**", "html": "<h1>facts</h1>"},
}  # fmt: skip


@pytest.mark.parametrize(("url", "expected"), [
    ("mailto://desk.example?from=a@desk.example", ("facts", "<h1>facts</h1>", "html")),
    ("ntfy://topic", ("facts", "headline", "text")),
    ("ntfy://topic?format=markdown", ("", "**facts**", "markdown")),
    ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", ("", "**facts**", "markdown")),
    ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#a", ("facts", "headline", "text")),
    # It has no title of its own and puts a given one before the text, as markup.
    ("tgram://123456789:abcdefg_hijklmnop/12315544/", ("", "**facts**", "markdown")),
    ("json://desk.example", ("facts", "headline", "text")),
])  # fmt: skip
def test_every_service_gets_the_form_it_takes(url: str, expected: tuple[str, str, str]) -> None:
    service: Any = apprise_child._service(url)

    assert apprise_child._wording(service[0], ORDER) == expected


def test_a_service_without_a_title_gets_the_text_as_a_whole() -> None:
    service: Any = apprise_child._service("tgram://123456789:abcdefg_hijklmnop/12315544/")

    found = apprise_child._wording(service[0], {**ORDER, "format": "text"})

    assert found == ("", "facts\nheadline", "text")


def test_a_plugin_that_breaks_may_have_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: apprise.Apprise, **options: Any) -> bool:
        raise RuntimeError("http://T0K3N")

    service: Any = apprise_child._service("json://desk.example")
    monkeypatch.setattr(apprise.Apprise, "notify", broken)

    found = apprise_child.hand_over(service, ORDER, Watch(Guard(())))

    assert found["error"] == "apprise broke with RuntimeError"
    assert (found["taken"], found["recoverable"], found["maybe_sent"]) == (False, True, True)


def test_a_service_whose_library_is_missing_is_told_from_an_unknown_one() -> None:
    from apprise.manager_plugins import NotificationManager

    missing = next(plugin for plugin in NotificationManager().plugins() if not plugin.enabled)
    scheme = next(iter(apprise.utils.parse.parse_list(missing.protocol or missing.secure_protocol)))

    said = apprise_child._service(f"{scheme}://T0K3N")

    assert said == f"apprise needs a library for {scheme}:// that is not installed here"
