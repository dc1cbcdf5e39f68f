"""chroma.py against scikit-image."""

import numpy as np
from skimage.color import rgb2lab

from trainables.color.chroma import measure_chroma


def test_chroma_is_what_a_twentieth_of_the_pixels_exceed() -> None:
    grey = np.full((20, 20, 3), 90, np.uint8)
    photos = np.stack([grey, grey, grey, colors_on(grey, 19), colors_on(grey, 21)])
    photos[1, :, :, 0] = 200
    photos[2] = np.random.default_rng(0).integers(0, 256, (20, 20, 3))
    lab = rgb2lab(photos / 255)
    expected = [np.sort(np.hypot(one[..., 1], one[..., 2]).ravel())[380] for one in lab]
    chroma = measure_chroma(photos)
    assert np.allclose(chroma, expected, atol=0.02)
    # 20 of 400 pixels are the twentieth.
    assert chroma[0] < 0.1 and chroma[3] < 0.1 and chroma[4] > 50


def colors_on(grey: np.ndarray, num_pixels: int) -> np.ndarray:
    picture = grey.copy()
    picture.reshape(-1, 3)[:num_pixels] = (250, 20, 20)
    return picture


def test_every_shade_and_thousands_of_colours_agree_with_scikit_image() -> None:
    # One colour a picture of 8 x 8: its chroma is that colour's.
    colors_N3 = np.concatenate([np.random.default_rng(0).integers(0, high, (2000, 3)) for high in (256, 60, 8)]).astype(
        np.uint8
    )
    lab_N13 = rgb2lab(colors_N3[:, None] / 255)
    expected = np.hypot(lab_N13[:, 0, 1], lab_N13[:, 0, 2])
    chroma = measure_chroma(np.broadcast_to(colors_N3[:, None, None], (len(colors_N3), 8, 8, 3)))
    assert np.abs(chroma - expected).max() < 0.015
