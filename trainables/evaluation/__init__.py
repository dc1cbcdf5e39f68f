"""What a trained network gets right, photo by photo, and what it uses for it.

photo_metrics       each metric, one number a photo
measure             a network's errors on a set of photos
feature_swaps       photos coloured with others' features
regions             where photos show their objects
baselines           what rules without a network get right
data_colors         dominant colours, and what painting by rule costs
gallery             pictures for people
variants            the same photos after some epochs, and with others' features

Imports `network`, `data`, `color`.
"""
