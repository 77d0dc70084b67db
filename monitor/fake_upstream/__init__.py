"""Every source's upstream on loopback, played from a scenario in virtual time, faults on demand."""

from monitor.fake_upstream.faults import Fault, Faults
from monitor.fake_upstream.loading import load_scenario
from monitor.fake_upstream.misbehaving import RequestSeen
from monitor.fake_upstream.scenario import Scenario
from monitor.fake_upstream.server import FakeUpstream

__all__ = ["FakeUpstream", "Fault", "Faults", "RequestSeen", "Scenario", "load_scenario"]
