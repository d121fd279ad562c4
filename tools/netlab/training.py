"""The peers of a lab: started on their hosts, killed and started again, and what their records say."""
import csv
import pathlib
import signal
import subprocess
import time
import tomllib

HOW_LONG_TO_END_S = 10


def write_cluster(polydot, addresses, folder, options):
    """polydot init; (exit code, what it said if it failed)."""
    words = [str(polydot), "init", "--hosts", ",".join(addresses), "--out", f"{folder}/cluster.toml", *options]
    ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stderr.strip()


def hosts_of_peers(folder, addresses):
    """By peer, the number of its host."""
    with open(f"{folder}/cluster.toml", "rb") as file:
        endpoints = tomllib.load(file)["shared"]["cluster"]["endpoints"]
    return [addresses.index(endpoint.rpartition(":")[0]) + 1 for endpoint in endpoints]


def rows_of(path):
    """Of a table that may still be written to; its last row may be incomplete and is left out then."""
    try:
        text = path.read_text()
    except OSError:
        return []
    return list(csv.DictReader(text[:text.rfind("\n") + 1].splitlines()))


class Peer:
    def __init__(self, index, host, command, folder):
        self.index, self.host, self.command = index, host, command
        self.folder = pathlib.Path(folder) / f"peer-{index:02d}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = None
        self.exit_codes = []  # of one life after the other; 128 + N: ended by signal N
        self.killed = False   # and not started again

    def start(self):
        self.killed = False
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            process_group=0)

    def running(self):
        if self.process is None:
            return False
        code = self.process.poll()
        if code is None:
            return True
        self.exit_codes.append(128 - code if code < 0 else code)
        self.process = None
        return False

    def kill(self):
        """Like a crash. False if it had ended already."""
        if not self.running():
            return False
        self.process.kill()
        self.process.wait()
        self.killed = True
        self.running()
        return True

    def good(self):
        return self.killed or self.exit_codes[-1:] == [0]

    def record(self):
        """What it has written so far; a life that began anew may have begun its records anew."""
        steps = rows_of(self.folder / "metrics.csv")
        evaluations = rows_of(self.folder / "evaluations.csv")
        pause, at = 0.0, 0
        for one, next_one in zip(steps, steps[1:]):
            if float(next_one["seconds"]) - float(one["seconds"]) > pause:
                pause, at = float(next_one["seconds"]) - float(one["seconds"]), int(next_one["step"])
        return {"host": self.host, "peer": self.index, "exit_codes": list(self.exit_codes),
                "steps": int(steps[-1]["step"]) + 1 if steps else 0,
                "accuracy": float(evaluations[-1]["accuracy"]) if evaluations else None,
                "bytes_sent": int(steps[-1]["bytes_sent"]) if steps else 0,
                "waited_s": sum(float(row["waiting_ms"]) for row in steps) / 1000,
                "longest_pause_s": pause, "longest_pause_step": at}


class Training:
    def __init__(self, peers):
        self.peers = peers
        self.starts = []  # (time, peer) of those that come back

    def start(self):
        for peer in self.peers:
            peer.start()

    def kill(self, hosts, indices, restart_at):
        """restart_at: None: never. Those that were killed."""
        killed = [peer for peer in self.peers
                  if (peer.host in hosts or peer.index in indices) and peer.kill()]
        if restart_at is not None:
            self.starts += [(restart_at, peer) for peer in killed]
        return killed

    def restart(self, now):
        """Starts whose time has come, with the command of the first time, and returns them."""
        due = [peer for at, peer in self.starts if at <= now]
        self.starts = [(at, peer) for at, peer in self.starts if at > now]
        for peer in due:
            peer.start()
        return due

    def running(self):
        """Whether any runs, or will again."""
        return any([peer.running() for peer in self.peers]) or bool(self.starts)

    def steps(self):
        """Steps done, the least and the most of all peers that have written of any."""
        done = [int(rows[-1]["step"]) + 1 for rows in (rows_of(peer.folder / "metrics.csv") for peer in self.peers)
                if rows]
        return (min(done), max(done)) if done else (0, 0)

    def stop(self):
        """Those that still run: first as a user would, then for good."""
        left = [peer for peer in self.peers if peer.running()]
        try:
            for peer in left:
                peer.process.send_signal(signal.SIGTERM)
            end = time.monotonic() + HOW_LONG_TO_END_S
            while any([peer.running() for peer in left]) and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            for peer in left:
                peer.kill()
