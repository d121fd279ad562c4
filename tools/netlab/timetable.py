"""What the user asks of the network, as values: durations, rates, links, and what happens when."""
import dataclasses
import re


class BadInput(Exception):
    """One line for the user."""


DURATIONS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
RATES = {"kbit": 1e3, "mbit": 1e6, "gbit": 1e9}


def number_with_unit(text, units, example):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]+)", text)
    if not match or match.group(2) not in units:
        raise BadInput(f"'{text}' is none of: a number and {', '.join(units)}, such as {example}")
    return float(match.group(1)) * units[match.group(2)]


def duration(text):
    """In seconds."""
    return number_with_unit(text, DURATIONS, "20ms")


def rate(text):
    """In bits per second."""
    return number_with_unit(text, RATES, "1gbit")


def probability(text):
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise BadInput(f"'{text}' is no probability from 0 to below 1, such as 0.05")
    return value


LINK_PARSERS = {"delay": duration, "jitter": duration, "loss": probability, "rate": rate}


@dataclasses.dataclass
class Link:
    """Between a host and the switch; see tools/netlab/link_options.h."""
    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    rate: float = 0.0

    def changed(self, settings):
        """settings: key -> text."""
        link = dataclasses.replace(self)
        for key, text in settings.items():
            setattr(link, key, LINK_PARSERS[key](text))
        if link.jitter > link.delay:
            raise BadInput("the jitter is more than the delay, and no frame can arrive before it was sent")
        return link

    def word(self):
        """For polydot-netlab-switch."""
        return f"{self.delay * 1e6:g}:{self.jitter * 1e6:g}:{self.loss:g}:{self.rate:g}"


@dataclasses.dataclass(frozen=True)
class Event:
    at: float  # seconds after the first step of the training
    what: str  # cut, heal, down, up, kill
    hosts: tuple = ()
    peers: tuple = ()
    number: int = 0  # which partition

    def __str__(self):
        whom = [f"{name} {'+'.join(map(str, several))}"
                for name, several in (("host", self.hosts), ("peer", self.peers)) if several]
        return f"{self.what} {whom[0]}"


def settings_of(text):
    """key=value[:key=value..] as a dictionary."""
    pairs = [part.split("=", 1) for part in text.split(":")]
    if any(len(pair) != 2 for pair in pairs):
        raise BadInput(f"'{text}' is not KEY=VALUE, with ':' between several")
    return dict(pairs)


def numbers_of(text, least, count, what):
    """'2+3' as (2, 3), each of them one of `count` numbers from `least`."""
    words = text.split("+")
    if any(not word.isdecimal() or not least <= int(word) < least + count for word in words):
        raise BadInput(f"no {what} is '{text}': they are {least} to {least + count - 1}, with '+' between several")
    return tuple(int(word) for word in words)


def hosts_of(settings, text, hosts):
    if set(settings) != {"host"}:
        raise BadInput(f"'{text}' lacks a host, as in 20s-25s:host=2")
    return numbers_of(settings["host"], 1, hosts, "host")


def link_of_hosts(text, hosts):
    """host=2:delay=50ms as ((2,), {"delay": "50ms"})."""
    settings = settings_of(text)
    chosen = hosts_of({"host": settings.pop("host", "")}, text, hosts)
    for key in settings:
        if key not in LINK_PARSERS:
            raise BadInput(f"a link has no '{key}': it has {', '.join(LINK_PARSERS)}")
    return chosen, settings


def interval(text, hosts, begin, end, number=0):
    """FROM-TO:host=K as two events."""
    times, _, rest = text.partition(":")
    limits = times.split("-")
    if len(limits) != 2:
        raise BadInput(f"'{text}' is no FROM-TO:host=K, as in 20s-25s:host=2")
    first, last = map(duration, limits)
    if last <= first:
        raise BadInput(f"'{text}' ends before it begins")
    whom = hosts_of(settings_of(rest), text, hosts)
    return [Event(first, begin, whom, number=number), Event(last, end, whom, number=number)]


def kill(text, hosts, peers):
    """AT:peer=K or AT:host=K."""
    time, _, rest = text.partition(":")
    settings = settings_of(rest)
    if set(settings) == {"peer"}:
        return Event(duration(time), "kill", peers=numbers_of(settings["peer"], 0, peers, "peer"))
    if set(settings) == {"host"}:
        return Event(duration(time), "kill", hosts=hosts_of(settings, text, hosts))
    raise BadInput(f"'{text}' is no AT:peer=K or AT:host=K, as in 12s:peer=4")


def timetable(partitions, downs, kills, hosts, peers):
    """All events in the order of their times."""
    events = []
    for number, text in enumerate(partitions):
        events += interval(text, hosts, "cut", "heal", number)
    for text in downs:
        events += interval(text, hosts, "down", "up")
    events += [kill(text, hosts, peers) for text in kills]
    return sorted(events, key=lambda event: event.at)
