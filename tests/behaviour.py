#!/usr/bin/env python3
"""Whether a change left the behaviour of the peers as it was, bit for bit.

  tests/behaviour.py build-check/polydot            compares with tests/simulator/behaviour_hashes.txt
  tests/behaviour.py build-check/polydot --record   rewrites that file; the change is reviewed as text

Runs of the simulator of every fault profile and code family, with large layers among them; each has a hash of all
its events and frames. The program has to be a reproducible one (POLYDOT_REPRODUCIBLE). The kept seeds are compared by
the tests Swarm.* and Replay.*. Ends with 0 if all hashes are as recorded, with 1 otherwise.
"""

import argparse
import pathlib
import re
import subprocess
import sys

RECORDED = pathlib.Path(__file__).parent / "simulator" / "behaviour_hashes.txt"
LINE = re.compile(r"^seed (\d+): (\S+ \S+ of \d+), .* log hash ([0-9a-f]{16})$")

# Name: arguments of `polydot sim`. Ten seeds for each profile of faults, and some for what few seeds draw.
RUNS = {profile: ["--faults", profile, "--seed", "7000", "--runs", "10", "--steps", "100"]
        for profile in ("none", "network", "soft", "process", "swarm", "nonsense")}
RUNS |= {
    "mds": ["--code", "mds", "--grid", "2x2", "--peers", "8", "--seed", "7100", "--runs", "4", "--steps", "100"],
    "replication": ["--code", "replication", "--grid", "1x2", "--peers", "8", "--seed", "7200", "--runs", "4",
                    "--steps", "100"],
    "3x3": ["--code", "polydot", "--grid", "3x3", "--peers", "20", "--faults", "none",
            "--seed", "7300", "--runs", "4", "--steps", "60"],
    "wide": ["--wide", "--seed", "7400", "--runs", "6", "--steps", "40"],
    "wide-mds": ["--wide", "--code", "mds", "--grid", "2x2", "--peers", "8", "--seed", "7500", "--runs", "2",
                 "--steps", "40"],
}


def hashes(polydot):
    found = {}
    for name, arguments in RUNS.items():
        ended = subprocess.run([polydot, "sim", *arguments, "--verbose", "--keep-going"], capture_output=True, text=True)
        matches = [LINE.match(line) for line in ended.stdout.splitlines()]
        runs = {f"{name} {m[1]} {m[2].replace(' ', '_')}": m[3] for m in matches if m}
        count = int(arguments[arguments.index("--runs") + 1])
        if ended.returncode != 0 or len(runs) != count:
            sys.exit(f"behaviour: sim {' '.join(arguments)}: {len(runs)} of {count} runs, exit code "
                     f"{ended.returncode}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
        print(f"behaviour: {name}: {count} runs", flush=True)
        found |= runs
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("polydot", help="the program, reproducible")
    parser.add_argument("--record", action="store_true", help="rewrite what is recorded")
    options = parser.parse_args()
    found = hashes(options.polydot)
    if options.record:
        RECORDED.write_text("".join(f"{run} {value}\n" for run, value in sorted(found.items())))
        print(f"behaviour: {len(found)} hashes recorded")
        return 0
    recorded = dict(line.rsplit(" ", 1) for line in RECORDED.read_text().splitlines())
    changed = sorted(run for run in found.keys() | recorded.keys() if found.get(run) != recorded.get(run))
    for run in changed:
        print(f"behaviour: {run}: {found.get(run, 'no such run')}, recorded {recorded.get(run, 'never')}")
    print(f"behaviour: {len(found) - len(changed)} of {len(found)} runs as recorded")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
