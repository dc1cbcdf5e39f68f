"""The study file of the design, for tests to read and to break."""

DESIGN = """\
name: ncd-task-effects
question: Does naming the fruit help to colour it, and does colouring help to name it?
data: {dataset: ncd, root: data/ncd, image_size: 128, test_share: 0.25, val_share: 0.2}
base: {epochs: 60, batch_size: 64, width: 1.0}          # fixed settings: any field of TrialConfig
space:                                                  # searched in every arm
  optimizer: {choice: [adadelta, adamw, sgd]}
  learning_rate:                                        # its own range per optimizer
    - {when: {optimizer: adamw},    log_uniform: [1.0e-4, 3.0e-2]}
    - {when: {optimizer: sgd},      log_uniform: [1.0e-3, 1.0]}
    - {when: {optimizer: adadelta}, log_uniform: [0.03, 3.0]}
  dropout: {uniform: [0, 0.6]}
arms:                                                   # what is compared: overrides of base and space
  joint:           {class_loss_weight: {log_uniform: [1.0e-4, 1.0]}}
  color_only:      {class_loss_weight: 0}
  class_only:      {color_loss_weight: 0, class_loss_weight: 1}
  no_fusion:       {fusion: false, class_loss_weight: {log_uniform: [1.0e-4, 1.0]}}
  shuffled_labels: {shuffle_labels: true, class_loss_weight: {log_uniform: [1.0e-4, 1.0]}}
objectives: {val/delta_e: min, val/top1: max}
contrasts:                                              # the primary family, decided before any data
  color:  {treatment: joint, control: color_only, metric: test/delta_e}
  naming: {treatment: joint, control: class_only, metric: test/top1}
margin: {test/delta_e: 0.5, test/top1: 0.03}            # smaller differences do not matter to us
search:  {trials_per_arm: 30, sampler: tpe, early_stopping: pareto_halving}
confirm: {replicates: 10, twins: true}
resources: {cpus_per_trial: 2, gpus_per_trial: 0.25}
"""

DROPOUT = "dropout: {uniform: [0, 0.6]}"
JOINT = "joint:           {class_loss_weight: {log_uniform: [1.0e-4, 1.0]}}"
HALVING = "early_stopping: pareto_halving"
ADADELTA_CASE = "    - {when: {optimizer: adadelta}, log_uniform: [0.03, 3.0]}\n"
