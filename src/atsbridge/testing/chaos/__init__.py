"""Chaos: the real engine, adapters and ledger, moved one effect at a time, with anything going wrong.

``python -m atsbridge.testing.chaos`` plays histories that are drawn by seed. `script`
draws one; `accounts` has what it begins with, `crew` moves the workers, `kinds` puts
the faults in, `people` act; `witness` sees, `judging` and `play` say whether all held.
`plants` has bugs, to see that they are found.
"""
