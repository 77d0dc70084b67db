"""Print the peak resident kilobytes of a process that exports one store's quotes."""

from __future__ import annotations

import sys
from pathlib import Path

from storage import open_readonly
from storage.export import write_csv
from storage.tables import Selection


def main() -> None:
    """Export the store named by the first argument to nowhere and print VmHWM."""
    store = open_readonly(f"sqlite:///{sys.argv[1]}")
    with store.read() as session, Path("/dev/null").open("wb") as sink:
        write_csv(session, "quotes", Selection(), sink)
    # ru_maxrss would be inherited from the parent over fork and exec.
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    print(peak.split()[1])


if __name__ == "__main__":
    main()
