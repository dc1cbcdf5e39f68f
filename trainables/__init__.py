"""One trial: a network that colours and names, trained once, measured photo by photo.

trial               what to train, on what, as which replicate; the door for everyone else
config              every setting of a trial and of its data
records metrics     the words between a trial and whoever listens
optimizers          optimizers and learning-rate schedules
devices             where it computes, in which precision, with how much memory
seeds files cpu     one seed per purpose; files that are replaced whole; what the CPU offers
analytic_surface    the same records from a formula, without torch

Imports neither `study` nor `analysis`, nor ray, optuna, mlflow, pandas, pydantic or pyarrow.
"""
