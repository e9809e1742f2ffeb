"""The outside world on loopback: the vendors' APIs, stateful and strict, and the demo company.

It imports nothing of the platform and nothing of the platform imports it.
"""
