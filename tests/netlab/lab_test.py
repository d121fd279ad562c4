#!/usr/bin/env python3
"""A training on four hosts over a bad network, end to end.  lab_test.py ROOT BUILD

Exit code 77 where this machine cannot do it: ctest then says that the test was skipped.
"""
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
HOSTS, PEERS = 4, 8
# A step is three rounds, each of them takes the delay: 80 steps outlast the partition on any machine.
STEPS, DELAY = 80, "10ms"
TRAINING = ["--hosts", str(HOSTS), "--peers", str(PEERS), "--grid", "1x2", "--hidden", "16", "--delay", DELAY]


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


class Lab:
    def __init__(self, root, build):
        self.words = [f"{root}/tools/netlab/run", "--build", build]

    def run(self, *options):
        """(exit code, what it printed, what it said)."""
        ended = subprocess.run(self.words + list(options), capture_output=True, text=True, check=False)
        if ended.returncode == SKIPPED:
            check(len(ended.stderr.splitlines()) == 1, f"one line says what is missing: {ended.stderr}")
            print(ended.stderr)
            sys.exit(SKIPPED)
        return ended.returncode, ended.stdout, ended.stderr

    def start(self, *options):
        return subprocess.Popen(self.words + list(options), stderr=subprocess.PIPE, text=True)


def check_network(lab):
    """No limit from above on times: this machine may be slow, but it cannot be faster than the network."""
    code, said, error = lab.run("--probe", "--json", "--delay", "3ms", "--jitter", "1ms", "--rate", "50mbit")
    check(code == 0, f"the probe ends with 0: {error}")
    found = json.loads(said)
    check(found["round_trip_s"]["least"] >= 2 * 2e-3, f"nothing is faster than delay - jitter: {found}")
    check(found["round_trip_s"]["median"] >= 2 * 2.5e-3, f"the median is about the delay: {found}")
    check(0 < found["stream_bits_per_second"] <= 50e6, f"nothing is faster than the rate: {found}")


def check_training(lab, folder):
    loss = 0.05
    code, said, error = lab.run(*TRAINING, "--steps", str(STEPS), "--loss", str(loss),
                                "--partition", "100ms-1100ms:host=2", "--out", folder, "--json")
    logs = "".join(path.read_text() for path in sorted(pathlib.Path(folder).glob("peer-*/log")))
    check(code == 0, f"the lab ends with 0:\n{error}\n{logs}")
    check("cut host 2" in error and "heal host 2" in error, f"the timetable is told:\n{error}")
    seen = json.loads(said)
    check(len(seen["peers"]) == PEERS and {peer["host"] for peer in seen["peers"]} == set(range(1, HOSTS + 1)),
          f"all peers are on their hosts: {said}")
    check(seen["switch_cpu_s"] > 0, f"the switch takes time: {said}")
    for peer in seen["peers"]:
        check(peer["exit_codes"] == [0] and peer["steps"] == STEPS, f"peer {peer['peer']} is done: {peer}")
        check(peer["accuracy"] == seen["peers"][0]["accuracy"], f"all peers have the same network: {said}")
    check(max(peer["longest_pause_s"] for peer in seen["peers"]) >= 0.5, f"the partition lasts: {said}")
    check(sum(host["cut"] for host in seen["hosts"]) > 0, f"the partition cuts: {said}")
    for host in seen["hosts"]:
        deviation = math.sqrt(loss * (1 - loss) / host["taken"])
        check(abs(host["lost"] / host["taken"] - loss) < 5 * deviation + host["cut"] / host["taken"],
              f"as many frames are lost as asked: {host}")


def processes_with(text):
    """Of those whose command line names it."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
        except OSError:
            pass  # gone
    return found


def check_nothing_is_left(lab, folder, number, exit_code):
    """After the signal to the lab alone."""
    process = lab.start(*TRAINING, "--steps", "1000000", "--out", folder)
    try:
        while len(list(pathlib.Path(folder).glob("peer-*/metrics.csv"))) < PEERS:
            check(process.poll() is None, "the lab runs until it is told to end")
            time.sleep(0.05)
        check(processes_with(folder), "peers run")
        process.send_signal(number)
        process.communicate()
        check(process.returncode == exit_code, f"the lab ends with {exit_code}: {process.returncode}")
        while processes_with(folder):  # the kernel ends them; ctest's watchdog looks at the clock
            time.sleep(0.05)
    finally:
        process.kill()


def check_bad_input(lab):
    for options, part in ((["--partition", "2s-1s:host=2"], "ends before it begins"), (["--hidn", "16"], "--hidden"),
                          (["--kill", "1s:peer=10"], "0 to 9"), (["--jitter", "1ms"], "jitter"),
                          (["--congestion", "none such"], "congestion"), (["--hosts", "1"], "250")):
        code, said, error = lab.run(*options)
        check(code in (2, 4) and said == "" and part in error and len(error.splitlines()) == 1,
              f"{options} are refused in one line: {code} {said} {error}")


def main():
    root, build = sys.argv[1:]
    lab = Lab(root, build)
    with tempfile.TemporaryDirectory() as folder:
        check_network(lab)
        check_bad_input(lab)
        check_training(lab, f"{folder}/trained")
        check_nothing_is_left(lab, f"{folder}/interrupted", signal.SIGINT, 130)
        check_nothing_is_left(lab, f"{folder}/killed", signal.SIGKILL, -signal.SIGKILL)


if __name__ == "__main__":
    main()
