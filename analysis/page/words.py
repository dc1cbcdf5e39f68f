"""What a reader sees where our tables have the name of a column: words, with the unit where there is one."""

HEADERS = {
    "share_right": "named right [share]",
    "low_95": "95 % interval from",
    "high_95": "95 % interval to",
    "low_side": "interval against the margin from",
    "high_side": "interval against the margin to",
    "low_95_these_photos": "95 %, these photos only, from",
    "high_95_these_photos": "95 %, these photos only, to",
    "harm_low_95": "harm, 95 % interval from",
    "harm_high_95": "harm, 95 % interval to",
    "p_adjusted": "adjusted p",
    "num_replicates": "replicates",
    "num_photos": "photos",
    "num_trials": "trials",
    "num_folds": "folds",
    "weight_low": "weights from",
    "weight_high": "weights to",
    "lowest": "lowest tried",
    "highest": "highest tried",
    "setting_name": "setting",
    "profit_low_95": "profit, 95 % interval from",
    "profit_high_95": "profit, 95 % interval to",
    "inside_low_95": "inside, 95 % interval from",
    "inside_high_95": "inside, 95 % interval to",
    "outside_low_95": "outside, 95 % interval from",
    "outside_high_95": "outside, 95 % interval to",
    "of_photos": "of so many test photos",
}
"""Only columns; the name of an arm or of a setting is shown as it stands in the study file."""

MINUS = "\N{MINUS SIGN}"


def header(column: object) -> str:
    """The words for a column's name."""
    return HEADERS.get(str(column), str(column))
