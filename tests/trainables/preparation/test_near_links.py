"""near_links.py: the groups that a table of all pairs gives, whichever way they are found."""

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from trainables.preparation import near_links
from trainables.preparation.near_links import link_near, roots_of

MIN_PRODUCT = 0.975


def unit(vectors_UF: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors_UF, axis=1, keepdims=True)
    return np.divide(vectors_UF, lengths, out=np.zeros_like(vectors_UF), where=lengths > 0).astype(np.float32)


def chains(generator: np.random.Generator) -> np.ndarray:
    """Groups of 1 to 6 vectors, each near the one before it."""
    vectors = []
    for length in generator.integers(1, 7, 250):
        one = generator.normal(size=40) * np.geomspace(1, 0.05, 40)
        for _ in range(length):
            vectors.append(one)
            one = one + generator.normal(size=40) * 0.015 * np.linalg.norm(one)
    return np.stack(vectors)[generator.permutation(len(vectors))]


def crowd(generator: np.random.Generator) -> np.ndarray:
    """Hundreds that are all near each other, and some that share only the leading directions."""
    copies = np.ones(40) + generator.normal(size=(300, 40)) * 0.02
    other_ends = np.repeat(np.geomspace(1, 0.3, 40)[None], 300, axis=0)
    other_ends[:, 30:] *= generator.choice([-1, 1], (300, 10))
    return np.concatenate([copies, other_ends, np.zeros((50, 40))])


@pytest.mark.parametrize("make", [chains, crowd])
@pytest.mark.parametrize(("block_size", "sample_size", "directions"), [(512, 2048, 24), (16, 64, 24), (50, 100, 4)])
def test_groups_are_those_of_the_full_table(
    monkeypatch: pytest.MonkeyPatch, make: object, block_size: int, sample_size: int, directions: int
) -> None:
    monkeypatch.setattr(near_links, "BLOCK_SIZE", block_size)
    monkeypatch.setattr(near_links, "SAMPLE_SIZE", sample_size)
    monkeypatch.setattr(near_links, "NUM_DIRECTIONS", directions)
    monkeypatch.setattr(near_links, "PAIRS_AT_A_TIME", 100)
    vectors_UF = unit(make(np.random.default_rng(0)))  # type: ignore[operator]
    parents_U = np.arange(len(vectors_UF))
    link_near(lambda numbers: vectors_UF[numbers], parents_U, MIN_PRODUCT)
    num_expected, expected_U = connected_components(vectors_UF @ vectors_UF.T > MIN_PRODUCT)
    roots_U = roots_of(parents_U, parents_U)
    assert len(np.unique(roots_U)) == num_expected
    assert len(np.unique(np.stack([roots_U, expected_U]), axis=1).T) == num_expected


def test_most_pairs_are_not_compared_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_links, "BLOCK_SIZE", 16)
    monkeypatch.setattr(near_links, "SAMPLE_SIZE", 64)
    vectors_UF = unit(chains(np.random.default_rng(1)))
    asked = 0

    def counted(numbers: np.ndarray) -> np.ndarray:
        nonlocal asked
        asked += len(numbers)
        return vectors_UF[numbers]

    link_near(counted, np.arange(len(vectors_UF)), MIN_PRODUCT)
    assert asked < 10 * len(vectors_UF)
