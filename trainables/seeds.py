"""One number per purpose: everything random of a trial follows from the study's seed and the replicate."""

import zlib

import numpy as np


def derive_seed(seed: int, *purpose: int | str) -> int:
    """A 63-bit seed for a purpose, such as `derive_seed(seed, replicate, "order", epoch)`.

    Different purposes give unrelated numbers; the same ones always the same, on every machine.
    """
    words = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in purpose]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1, np.uint64)[0] >> 1)
