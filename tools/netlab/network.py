"""The hosts of a lab and the switch between them: the process polydot-netlab-switch."""
import os
import pathlib
import subprocess

HOW_LONG_TO_END_S = 10


class Missing(Exception):
    """What this machine lacks; one line."""


class Failed(Exception):
    """One line for the user."""


class Network:
    """Hosts are numbered from 1. Everything is gone when the switch ends, however it ends."""

    def __init__(self, switch, links, seed, congestion=None):
        """switch: path of the program; links: a timetable.Link for each host; congestion: name, or this machine's."""
        words = [str(switch), str(seed)] + [link.word() for link in links]
        # In a group of its own: Ctrl-C is for the lab, which then ends things in order.
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, process_group=0)
        self.addresses, self.namespaces = {}, {}
        self.sides = {host: 0 for host in range(1, len(links) + 1)}
        self.counters, self.switch_cpu_s = [], 0.0
        self.read_until_ready()
        if congestion is not None:
            self.set_congestion(congestion)

    def read_until_ready(self):
        for line in self.process.stdout:
            words = line.split()
            if words == ["ready"]:
                return
            host = int(words[1]) + 1
            self.addresses[host] = words[2]
            self.namespaces[host] = f"/proc/{self.process.pid}/fd/{words[3]}"
        said = self.process.stderr.read().strip()
        if self.process.wait() == 77:
            raise Missing(said)
        raise Failed(said)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def command(self, host, words):
        """As an administrator of the host would run it; it ends with the lab, also when that is killed."""
        return ["nsenter", f"--net={self.namespaces[host]}", "--", "setpriv", "--pdeathsig", "KILL", "--", *words]

    def set_congestion(self, name):
        for host in self.addresses:
            words = self.command(host, ["tee", "/proc/sys/net/ipv4/tcp_congestion_control"])
            ended = subprocess.run(words, input=name, capture_output=True, text=True, check=False)
            if ended.returncode != 0:
                self.close()
                offered = pathlib.Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control").read_text().split()
                raise Failed(f"hosts have no congestion control '{name}' here, but {' and '.join(offered)}")

    def order(self, what, host, *more):
        try:
            self.process.stdin.write(" ".join([what, str(host - 1), *map(str, more)]) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.process.wait()
            self.check()

    def check(self):
        """That the switch still runs."""
        if self.process.poll() is not None:
            said = self.process.stderr.read().strip()
            raise Failed(f"the switch has ended with {self.process.returncode}: {said}")

    def cut(self, hosts, number):
        """Parts these hosts, which still see each other, from all others. number: of the partition."""
        for host in hosts:
            self.sides[host] |= 1 << number
            self.order("side", host, self.sides[host])

    def heal(self, hosts, number):
        for host in hosts:
            self.sides[host] &= ~(1 << number)
            self.order("side", host, self.sides[host])

    def down(self, hosts):
        for host in hosts:
            self.order("down", host)

    def up(self, hosts):
        for host in hosts:
            self.order("up", host)

    def missed(self, host):
        """Frames that the host sent faster than the switch took them."""
        words = self.command(host, ["cat", "/proc/net/dev"])
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        rows = [line.split() for line in ended.stdout.splitlines() if line.strip().startswith("eth0:")]
        return int(rows[0][12]) if rows else 0

    def switch_time(self):
        """Processor time of the switch in seconds; 0 if it has ended."""
        try:
            fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        """Ends the switch, and takes what has been counted, a dictionary for each host."""
        missed = [self.missed(host) for host in self.addresses]
        self.switch_cpu_s = self.switch_time()
        try:
            said, _ = self.process.communicate(timeout=HOW_LONG_TO_END_S)  # it ends with its stdin
        except subprocess.TimeoutExpired:
            self.process.kill()
            said, _ = self.process.communicate()
        for line, count in zip(said.splitlines(), missed):
            words = line.split()
            self.counters.append({words[k]: int(words[k + 1]) for k in range(2, len(words), 2)} | {"missed": count})
