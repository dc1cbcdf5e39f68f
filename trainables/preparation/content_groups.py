"""Which photos show the same content: copies, byte for byte or resized, recompressed, squeezed or slightly cropped.

Letters: N photos, U different ones among them, G side of a thumbnail in pixels, F = 3 GG numbers of a fingerprint.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainables.datasets.photo import THUMBNAIL_SIZE
from trainables.preparation.near_links import link_near, roots_of

MAX_DISTANCE = 0.025
"""Two photos are the same content if 1 - the correlation of their thumbnails is below this.

Measured on NCD's 720 photos (20 categories, objects on white), prepared at 16, 32, 64 and 128 px. The near duplicates
that its readers named: up to 0.006 (ChilliGreen 1/2/5 and 4/11, Cucumber 4/22), at 16 px 0.015. One pair more is the
same photograph in two crops: 0.014 to 0.015 (Carrot 12/28). The nearest pairs that only look alike: 0.042 and up (Apple
35 and Pomegranate 42, Lemon 16/18, Orange 26/29). So any threshold from 0.016 to 0.042 gives the same groups.
Difference hashes of 64 or 256 bits and the plain distance of pixels separate worse: on white, two potatoes are almost
as near as two crops.
"""

MIN_CONTRAST = 1.0
"""Grey levels, root mean square. A paler thumbnail is the same as another only where the pixels are identical."""


def link_copies(pixel_hashes: Sequence[bytes], thumbnails_N2GG3: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number the photos so that two have the same number if they are linked, directly or through others.

    Identical pixels link (so identical files do), and so does a small distance of either thumbnail.
    Returns int64 numbers from 0, in the order in which the contents first appear.
    """
    identical_N = _number(pixel_hashes)
    # Identical photos are one row of the table of pairs: thousands of the same placeholder cost nothing.
    _, representatives_U = np.unique(identical_N, return_index=True)
    parents_U = np.arange(len(representatives_U))
    for view in range(2):
        link_near(
            lambda rows, view=view: _fingerprints(thumbnails_N2GG3[representatives_U[rows], view]),  # type: ignore[misc]
            parents_U,
            1 - MAX_DISTANCE,
        )
    return _number(roots_of(parents_U, parents_U)[identical_N].tolist())


def _fingerprints(thumbnails_NGG3: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Unit vectors whose inner product is the correlation of two thumbnails; zero below `MIN_CONTRAST`.

    Each channel's mean goes first, else two dark photos would be alike for being dark.
    """
    values_NP3 = thumbnails_NGG3.reshape(len(thumbnails_NGG3), THUMBNAIL_SIZE**2, 3).astype(np.float32)
    values_NF = (values_NP3 - values_NP3.mean(axis=1, keepdims=True)).reshape(len(values_NP3), -1)
    lengths_N1 = np.linalg.norm(values_NF, axis=1, keepdims=True)
    enough_N1 = lengths_N1 > MIN_CONTRAST * np.sqrt(values_NF.shape[1])
    units_NF: NDArray[np.float32] = np.divide(values_NF, lengths_N1, out=np.zeros_like(values_NF), where=enough_N1)
    return units_NF


def _number(keys: Sequence[object]) -> NDArray[np.int64]:
    """0, 1, 2, ... in the order in which the keys first appear."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
