"""What a study file may say, and every way in which it may be wrong.

study               one question, its arms, how they are searched and confirmed
document            YAML with the line of every key
load                a file read, checked as a whole, refused in sentences
setting_checks      names, data, settings and arms that cannot be
question_checks     objectives, contrasts and searches that do not fit
methods             samplers and early stopping by name, and what each can do
changes             what differs between two studies
schema              a JSON schema for editors
template            a study file to start from
catalog             the studies that ship, and where their photos lie

Loads no Ray, Optuna or torch. Imports `search_space`, `storage`.
"""
