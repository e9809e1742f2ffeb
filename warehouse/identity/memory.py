"""How much memory a run may take: by the rows that are new, so that no more is asked of the kernel
than is used, and no more laid aside on disk than must be.

Measured on full builds: of 10 million (row, identifier) pairs, three times as much made none
faster; of 50 million, a fifth of it took a third more CPU. What arrays and Python take comes on
top, a quarter to a half as much again.
"""

from warehouse.database import Database

# Reading takes so much, however little is new. A scan that has more does not use it again: each
# page that the kernel gives costs more than to read what stands in it.
LEAST = 500_000_000
A_ROW = 215


def measure(db: Database) -> None:
    """See what the machine has, and begin with the least."""
    # Until it is set, DuckDB's own limit is four fifths of what the machine or its container has.
    db.run("set variable most = parse_formatted_bytes(current_setting('memory_limit')) // 2")
    allow(db, 0)


def allow(db: Database, rows: int) -> None:
    """Room for so many new rows, but no more than two fifths of the machine."""
    most = int(db.value("select getvariable('most')"))
    limit = min(most, max(LEAST, A_ROW * rows))
    db.run(f"set memory_limit = '{limit}B'")
    # What it asks for as one piece it keeps, and a page is given once.
    db.run(f"set block_allocator_memory = '{limit}B'")
