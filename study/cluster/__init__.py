"""Ray itself.

ray_session         started, quiet, looked after
preload             workers load while the driver loads
preflight           whether every node is ready
detach              a launch that outlives the terminal

Imports `tracking.address`, `ledger`, `definition`, `storage`.
"""
