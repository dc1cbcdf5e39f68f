"""From batches to records.

epochs              a trial as a generator of records
training_step       one batch, from pixels to updated weights
compilation         code compiled once for all trials of one shape
task_weighting      how two tasks share their layers
gradient_diagnostics  what each task's step does to the other
checkpoint          everything needed to continue exactly
compute_speed       operations per photo, a device's ceiling
epoch_cost          how long an epoch will take

Imports `evaluation`, `network`, `data`, `color`.
"""
