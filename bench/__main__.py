"""`make bench`: runs every bench; the last line is one JSON object with each bar and its value."""

import argparse
import json

from bench import events, figures, road, syncs
from bench.bars import table

BENCHES = {"events": events.run, "road": road.run, "syncs": syncs.run}

parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
parser.add_argument("--quick", action="store_true", help="less data, under a minute")
parser.add_argument("--only", choices=BENCHES, help="one bench")
given = parser.parse_args()
bars = []
for name in [given.only] if given.only else BENCHES:
    result = BENCHES[name](quick=given.quick)
    figures.write(name, result, quick=given.quick)
    print(f"{table(result.runs)}\n")
    bars += [bar.row() for bar in result.bars]
print(table(bars))
print(json.dumps({"bars": bars}))
