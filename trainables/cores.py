"""How many CPU cores there are for this process."""

import os


def usable_cores() -> int:
    """Those it may run on, which affinity and batch systems may make fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
