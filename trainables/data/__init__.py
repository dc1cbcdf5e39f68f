"""What a trial is handed: prepared photos and their cut; on the device their batches.

images              the prepared photos
splits              four ways to choose test photos
trial_data          the photos of a trial and their cut
batches             photos from device memory or from disk
augmentation        crop, flip and rotate on the device
boxes               bounding boxes carried through it

The first three load no torch. Imports the top-level modules of `trainables`.
"""
