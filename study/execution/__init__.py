"""One phase of a study as one run of Ray Tune.

phases              search and confirm, one after the other
messages            what driver and workers say to each other
searcher            what Ray asks for trials
scheduler           who starts next, who ends early
worker              what Ray runs
system_metrics      how busy a trial's GPU and node are
callbacks           what ends a phase before its last trial
progress            what a person sees meanwhile
tune_loop           Ray Tune's loop, two flaws mended

Imports `cluster`, `results.status`, `search`, `ledger`, `definition`, `storage`.
"""
