"""A real Pacemaker cluster on one machine, every node in namespaces of its own.

Nothing is imported here: the helpers that run in a node load single modules of this package and
must start fast. Scenarios import what they need from `colo_lab.api`.
"""
