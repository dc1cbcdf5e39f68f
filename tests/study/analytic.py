"""A study of formulas instead of networks: everything but torch is real, and it takes seconds."""

from study.definition.load import parse_study
from study.definition.study import Study

TEXT = """\
name: analytic
question: Does naming help to colour?
data: {dataset: analytic}
base: {epochs: 6, optimizer: adamw}
space:
  learning_rate: {log_uniform: [1.0e-4, 3.0e-2]}
arms:
  joint: {class_loss_weight: {log_uniform: [1.0e-4, 1.0]}}
  color_only: {class_loss_weight: 0}
  class_only: {color_loss_weight: 0, class_loss_weight: 1}
objectives: {val/delta_e: min, val/top1: max}
contrasts:
  color: {treatment: joint, control: color_only, metric: test/delta_e}
  naming: {treatment: joint, control: class_only, metric: test/top1}
margin: {test/delta_e: 0.5, test/top1: 0.03}
search: {trials_per_arm: 4, sampler: random, rechecks: 0}
confirm: {replicates: 3}
"""


def analytic_study(*overrides: str) -> Study:
    """The study, with `key.path=value` overrides."""
    return parse_study(TEXT, "analytic.yaml", list(overrides))
