"""The demonstration's scenario: the real case of July 2026 and the SIMULATED market."""

from __future__ import annotations

from importlib.resources import files

from monitor.demo.simulated import simulated_scenario
from monitor.fake_upstream.loading import load_scenario
from monitor.fake_upstream.scenario import Scenario


def demo_scenario() -> Scenario:
    """Return the shipped case with the simulated market beside it; start and end are the case's."""
    return load_scenario(files("monitor.demo") / "scenario").merged(simulated_scenario())
