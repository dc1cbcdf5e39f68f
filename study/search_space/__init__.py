"""The conditional space of one arm.

distributions       one value, one of a few, a range
settings            one setting as a study file writes it
space               all settings of an arm, sampled
scenarios           everywhere its conditions lead

Optuna is loaded by whoever samples. Imports `errors`.
"""
