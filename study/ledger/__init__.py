"""The study's folder, the only truth.

ledger              trials, their records and states
lease               one driver at a time
fingerprint         code, packages, photos, hardware; what changed since

Imports `storage`.
"""
