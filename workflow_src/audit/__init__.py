"""`python -m workflow_src audit`: where a result comes from, link by link, and whether each link holds.

No step imports this package: what is told about results must not make them again.
"""
