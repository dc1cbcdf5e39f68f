"""What the CPU here offers this process. Free of torch, so that a driver can ask."""

import os
import re
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Of Intel and AMD the first two, of ARM the third."""


def usable_cores() -> int:
    """Those it may run on, which affinity and batch systems may make fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bfloat16() -> bool:
    """Whether it has instructions for bfloat16; without them torch computes it slowly. False where Linux is not."""
    try:
        flags = re.search(r"^(?:flags|Features)\s*:(.*)$", CPUINFO.read_text(), re.MULTILINE)
    except OSError:
        return False
    return flags is not None and not BFLOAT16_FLAGS.isdisjoint(flags.group(1).split())
