"""MLflow as a view of the ledger. Only here a trial is a "run".

address             where MLflow is
view                MLflow brought level with the ledger
follow              the process beside the driver that keeps it level
logged_models       networks as MLflow models
served_model        what MLflow loads to serve one
confusion           the confusion matrix as a picture
download            a study's tables back from MLflow
pages               MLflow's pages on loopback

`follow` and this file load no MLflow. Imports `results`, `ledger`, `definition`, `storage`.
"""
