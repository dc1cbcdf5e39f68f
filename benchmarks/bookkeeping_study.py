"""The study of the benchmarks of bookkeeping: analytic trials, slots that share this machine's cores."""

import os

TEXT = """\
name: {name}
question: {question}
data: {{dataset: analytic{data}}}
base: {{epochs: {epochs}, optimizer: adamw}}
space:
  learning_rate: {{log_uniform: [1.0e-4, 3.0e-2]}}
  dropout: {{uniform: [0, 0.6]}}
arms:
  joint: {{class_loss_weight: {{log_uniform: [1.0e-4, 1.0]}}}}
  color_only: {{class_loss_weight: 0}}
objectives: {{val/delta_e: min}}
contrasts:
  color: {{treatment: joint, control: color_only, metric: test/delta_e}}
margin: {{test/delta_e: 0.5}}
search: {{trials_per_arm: {trials_per_arm}, sampler: {sampler}, rechecks: 0}}
confirm: {{replicates: 2}}
resources: {{cpus_per_trial: {cpus_per_trial}}}
"""


def bookkeeping_study(
    name: str, question: str, *, num_trials: int, num_slots: int, epochs: int, sampler: str, data: str = ""
) -> str:
    """The text of a study file: two arms that share `num_trials` search trials on `num_slots` slots."""
    return TEXT.format(
        name=name,
        question=question,
        data=data,
        epochs=epochs,
        sampler=sampler,
        trials_per_arm=num_trials // 2,
        cpus_per_trial=(os.cpu_count() or 1) / num_slots,
    )
