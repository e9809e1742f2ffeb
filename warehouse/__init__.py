"""What the data means: SQL models, identity, profiles, and the ledger of what went out."""

import os

# The threads of numpy's BLAS, one a core, spin while they wait for work that we never give.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
