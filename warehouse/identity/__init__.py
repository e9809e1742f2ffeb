"""Who is who, from staging rows to profiles that keep their ids; `run` says in which steps."""

from warehouse.identity.run import COLUMNS, build, inputs, resolved, stitch

__all__ = ["COLUMNS", "build", "inputs", "resolved", "stitch"]
