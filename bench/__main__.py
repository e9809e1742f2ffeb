"""`make bench`: runs every bench; the last line is one JSON object with each bar and its value."""

import argparse
import json

from bench import road

parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
parser.add_argument("--quick", action="store_true", help="less data, under a minute")
bars = road.run(quick=parser.parse_args().quick)
for bar in bars:
    sign = "holds" if bar["holds"] else "MISSED"
    print(f"{bar['bar']:<60} {bar['value']:>8} (at most {bar['at_most']}) {sign}")
print(json.dumps({"bars": bars}))
