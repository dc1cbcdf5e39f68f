"""Ray itself.

ray_session         started, quiet, looked after
preload             workers load while the driver loads
preflight           whether every node is ready, and what it computes
placement           which nodes train, how many trials at once, in which precision
detach              a launch that outlives the terminal

Imports `tracking.address`, `ledger`, `definition`, `storage`.
"""
