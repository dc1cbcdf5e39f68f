"""The table of what was measured on a network: one value per metric and photo. Free of torch."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class PhotoMeasures:
    """One value per metric and photo."""

    indices_N: NDArray[np.int64]
    """Which photos of the prepared set."""
    metrics: dict[str, NDArray[np.float64]]
    """By metric name, without a prefix."""
    predicted_N: NDArray[np.int64]
    """The most probable class."""
    concepts: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """Colour errors in CIEDE2000 that ask what colouring uses, by name; only on the pool, only where it is trained."""

    def means(self, prefix: str) -> dict[str, float]:
        """The metrics of a record: `val/delta_e` and so on, each the mean over photos."""
        return {f"{prefix}/{name}": float(values.mean()) for name, values in self.metrics.items()}
