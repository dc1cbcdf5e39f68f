"""Which of many unit vectors lie near each other, found without comparing all pairs in full, and exactly.

Where two vectors are far apart along a few directions, they are far apart. So vectors are first compared along the
`NUM_DIRECTIONS` directions in which they differ most, block by block, and blocks whose boxes lie apart not at all;
what remains is compared in full. Letters: U vectors, F numbers of each, D directions, P pairs.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

BLOCK_SIZE = 512
"""Vectors compared with as many others at a time: a table of 1 MB, which a processor's cache holds."""

NUM_DIRECTIONS = 24

SAMPLE_SIZE = 2048
"""Vectors from which the directions are taken. Where there are no more, all pairs are compared in full: 16 MB."""

PAIRS_AT_A_TIME = 4096
"""Pairs compared in full, each with two vectors of 3 kB."""

SLACK = 1e-3
"""Added to squared distances along the directions, whose float32 rounding must not lose a pair."""

Vectors = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Unit vectors, or zeros, by their numbers: U x F. Made when asked for, so that memory never holds all of them."""


def link_near(vectors: Vectors, parents_U: NDArray[np.int64], min_product: float) -> None:
    """Join the trees of vectors whose inner product exceeds `min_product`, in a forest of parents; see `roots_of`."""
    everyone = np.arange(len(parents_U))
    if len(everyone) <= SAMPLE_SIZE:
        _compare_blocks(vectors, everyone, everyone, parents_U, min_product)
        return
    along_UD = _along_directions(vectors, len(everyone))
    reach = 2 * (1 - min_product) + SLACK
    # Zeros are near nothing.
    blocks = _split(np.flatnonzero(np.abs(along_UD).sum(axis=1) > 0), along_UD)
    lows, highs = (np.stack([of(along_UD[block], axis=0) for block in blocks]) for of in (np.min, np.max))
    lengths_U = (along_UD**2).sum(axis=1)
    for number, own in enumerate(blocks):
        gaps = np.maximum(np.maximum(lows[number:] - highs[number], lows[number] - highs[number:]), 0)
        for offset in np.flatnonzero((gaps**2).sum(axis=1) <= reach):
            others = blocks[number + offset]
            products = along_UD[own] @ along_UD[others].T
            products -= lengths_U[others] / 2
            rows, columns = np.nonzero(products >= (lengths_U[own, None] - reach) / 2)
            if len(rows) > BLOCK_SIZE**2 // 8:
                _compare_blocks(vectors, own, others, parents_U, min_product)
            else:
                _compare_pairs(vectors, own[rows], others[columns], parents_U, min_product)
        parents_U[:] = roots_of(parents_U, parents_U)


def roots_of(parents_U: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The root of the tree in which each of these stands: equal roots, same group."""
    roots = parents_U[numbers]
    while (roots != (above := parents_U[roots])).any():
        roots = above
    return roots


def _along_directions(vectors: Vectors, num_vectors: int) -> NDArray[np.float32]:
    """Each vector's coordinates along the directions in which a sample of them differs most, U x D."""
    sample_UF = vectors(np.linspace(0, num_vectors - 1, SAMPLE_SIZE).astype(np.int64))
    directions_FD = np.linalg.eigh(sample_UF.T @ sample_UF)[1][:, ::-1][:, :NUM_DIRECTIONS]
    along_UD = np.empty((num_vectors, directions_FD.shape[1]), np.float32)
    for start in range(0, num_vectors, SAMPLE_SIZE):
        rows = np.arange(start, min(start + SAMPLE_SIZE, num_vectors))
        along_UD[rows] = vectors(rows) @ directions_FD
    return along_UD


def _split(numbers: NDArray[np.int64], along_UD: NDArray[np.float32]) -> list[NDArray[np.int64]]:
    """Blocks of vectors that lie together: halves across the direction in which they spread most, and so on."""
    if len(numbers) <= BLOCK_SIZE:
        return [numbers]
    along = along_UD[numbers]
    order = np.argsort(along[:, np.argmax(along.std(axis=0))], kind="stable")
    half = len(order) // 2
    return [*_split(numbers[order[:half]], along_UD), *_split(numbers[order[half:]], along_UD)]


def _compare_blocks(
    vectors: Vectors,
    own: NDArray[np.int64],
    others: NDArray[np.int64],
    parents_U: NDArray[np.int64],
    min_product: float,
) -> None:
    rows, columns = np.nonzero(vectors(own) @ vectors(others).T > min_product)
    _join(own[rows], others[columns], parents_U)


def _compare_pairs(
    vectors: Vectors,
    firsts_P: NDArray[np.int64],
    seconds_P: NDArray[np.int64],
    parents_U: NDArray[np.int64],
    min_product: float,
) -> None:
    while len(firsts_P):
        # Of a thousand copies of one another, few pairs need be looked at.
        apart_P = roots_of(parents_U, firsts_P) != roots_of(parents_U, seconds_P)
        firsts_P, seconds_P = firsts_P[apart_P], seconds_P[apart_P]
        if not len(firsts_P):
            return
        part = slice(0, PAIRS_AT_A_TIME)
        products_P = np.einsum("pf,pf->p", vectors(firsts_P[part]), vectors(seconds_P[part]))
        near_P = products_P > min_product
        _join(firsts_P[part][near_P], seconds_P[part][near_P], parents_U)
        firsts_P, seconds_P = firsts_P[PAIRS_AT_A_TIME:], seconds_P[PAIRS_AT_A_TIME:]


def _join(firsts_P: NDArray[np.int64], seconds_P: NDArray[np.int64], parents_U: NDArray[np.int64]) -> None:
    apart_P = roots_of(parents_U, firsts_P) != roots_of(parents_U, seconds_P)
    for pair in zip(firsts_P[apart_P], seconds_P[apart_P], strict=True):
        low, high = np.sort(roots_of(parents_U, np.array(pair)))
        parents_U[high] = low
