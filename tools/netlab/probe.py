"""How the network of a lab measures between its first two hosts.

On a host, as a script:  probe.py echo ADDRESS   answers datagrams, and swallows a stream; says "ready"
                         probe.py ask ADDRESS    measures against it, and prints its findings as JSON
"""
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import threading
import time

from network import Failed

PORT = 29399
COUNT, GAP_S, PATIENCE_S = 2000, 0.001, 2.0
STREAM_S = 2.0


def swallow(address):
    with socket.create_server((address, PORT)) as server:
        while True:
            stream, _ = server.accept()
            with stream:
                while stream.recv(1 << 20):
                    pass
                stream.sendall(b"!")  # all of it has come


def echo(address):
    threading.Thread(target=swallow, args=(address,), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind((address, PORT))
        print("ready", flush=True)
        while True:
            datagram, sender = datagrams.recvfrom(2048)
            datagrams.sendto(datagram, sender)


def round_trips(address):
    """In seconds, of the datagrams that came back."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect((address, PORT))
        datagrams.settimeout(PATIENCE_S)

        def receive():
            try:
                while len(found) < COUNT:
                    sent = float(datagrams.recv(2048))
                    found.append(time.monotonic() - sent)
            except TimeoutError:
                pass  # the rest is lost

        receiver = threading.Thread(target=receive)
        receiver.start()
        for _ in range(COUNT):
            datagrams.send(repr(time.monotonic()).encode())
            time.sleep(GAP_S)
        receiver.join()
    return found


def stream_rate(address):
    """Bits per second of one stream."""
    block, count = bytes(1 << 16), 0
    with socket.create_connection((address, PORT)) as stream:
        start = time.monotonic()
        while time.monotonic() - start < STREAM_S:
            stream.sendall(block)
            count += len(block)
        stream.shutdown(socket.SHUT_WR)
        stream.recv(1)
        return 8 * count / (time.monotonic() - start)


def ask(address):
    found = round_trips(address)
    print(json.dumps({
        "sent": COUNT, "returned": len(found),
        "round_trip_s": dict(zip(("least", "median", "most"), (min(found), statistics.median(found), max(found))))
                        if found else None,
        "stream_bits_per_second": stream_rate(address)}))


def measure(network):
    """What host 1 finds between itself and host 2."""
    words = [sys.executable, str(pathlib.Path(__file__).resolve())]
    address = network.addresses[2]
    with subprocess.Popen(network.command(2, words + ["echo", address]), stdout=subprocess.PIPE) as echoing:
        try:
            echoing.stdout.readline()
            asked = subprocess.run(network.command(1, words + ["ask", address]), capture_output=True, text=True,
                                   check=False)
            if asked.returncode != 0:
                raise Failed(f"the probe failed: {asked.stderr.strip().rpartition(chr(10))[2]}")
            return json.loads(asked.stdout)
        finally:
            echoing.kill()


def table(links, found):
    """Beside what was asked for; one datagram and its echo pass both links."""
    there, back = links[0], links[1]
    delay, jitter = 1e3 * (there.delay + back.delay), 1e3 * (there.jitter + back.jitter)
    loss = 100 * (1 - (1 - there.loss) * (1 - back.loss))
    rates = [link.rate for link in (there, back) if link.rate]
    trip = found["round_trip_s"] or dict.fromkeys(("least", "median", "most"), float("nan"))
    return "\n".join([
        f"{'hosts 1 and 2':14}{'asked':24}seen",
        f"{'round trip':14}{f'{delay:.2f} +- {jitter:.2f} ms':24}median {1e3 * trip['median']:.2f} ms, "
        f"{1e3 * trip['least']:.2f} to {1e3 * trip['most']:.2f} ms",
        f"{'loss':14}{f'{loss:.2f} % there and back':24}{100 * (1 - found['returned'] / found['sent']):.2f} % of "
        f"{found['sent']}",
        f"{'rate':14}{f'{min(rates) / 1e6:.0f} Mbit/s' if rates else 'any':24}"
        f"{found['stream_bits_per_second'] / 1e6:.1f} Mbit/s in one TCP stream (loss and delay slow it down)"])


if __name__ == "__main__":
    {"echo": echo, "ask": ask}[sys.argv[1]](sys.argv[2])
