"""What works here: a line each, and a remedy.

finding             one line
machine             packages, device, memory, browser
services            Ray, MLflow, storage

Imports `cluster`, `tracking.address`, `ledger`, `storage`.
"""
