#!/usr/bin/env python3
"""What tools/netlab/run understands of its options, and what it refuses.  timetable_test.py ROOT"""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(sys.argv.pop()) / "tools" / "netlab"))

import timetable  # noqa: E402
from timetable import BadInput, Event, Link  # noqa: E402


class Units(unittest.TestCase):
    def test_become_seconds_and_bits_per_second(self):
        self.assertEqual([timetable.duration(text) for text in ("20s", "1.5s", "2min")], [20, 1.5, 120])
        self.assertAlmostEqual(timetable.duration("5ms"), 5e-3)
        self.assertAlmostEqual(timetable.duration("250us"), 250e-6)
        self.assertEqual([timetable.rate(text) for text in ("1gbit", "2.5mbit", "64kbit")], [1e9, 2.5e6, 64e3])

    def test_are_required(self):
        for text in ("5", "", "s", "-5s", "5 s", "5S", "1gbit", "5hours"):
            self.assertRaises(BadInput, timetable.duration, text)
        for text in ("1", "1g", "5s"):
            self.assertRaises(BadInput, timetable.rate, text)

    def test_probabilities_are_below_one(self):
        self.assertEqual(timetable.probability("0.05"), 0.05)
        for text in ("1", "-0.1", "5%", "nan"):
            self.assertRaises(BadInput, timetable.probability, text)


class Links(unittest.TestCase):
    def test_are_given_to_the_switch_as_plain_numbers(self):
        link = Link().changed({"delay": "5ms", "jitter": "2ms", "loss": "0.05", "rate": "1gbit"})
        self.assertEqual(link.word(), "5000:2000:0.05:1e+09")
        self.assertEqual(Link().word(), "0:0:0:0")

    def test_of_one_host_change_what_they_name(self):
        hosts, settings = timetable.link_of_hosts("host=2+3:delay=50ms", 4)
        self.assertEqual(hosts, (2, 3))
        self.assertEqual(Link(loss=0.1).changed(settings), Link(delay=0.05, loss=0.1))

    def test_have_no_more_jitter_than_delay(self):
        self.assertRaises(BadInput, Link().changed, {"delay": "1ms", "jitter": "2ms"})

    def test_have_known_settings_and_hosts(self):
        for text in ("host=5:delay=1ms", "host=0:delay=1ms", "delay=1ms", "host=1:speed=3", "host=1:delay", ""):
            self.assertRaises(BadInput, timetable.link_of_hosts, text, 4)


class Timetable(unittest.TestCase):
    def test_is_in_the_order_of_the_times(self):
        events = timetable.timetable(["20s-25s:host=2", "21s-22s:host=1+3"], ["500ms-23s:host=4"],
                                     ["24s:peer=7", "1s:host=1"], 4, 8)
        self.assertEqual(events, [
            Event(0.5, "down", (4,)), Event(1, "kill", (1,)), Event(20, "cut", (2,)),
            Event(21, "cut", (1, 3), number=1), Event(22, "heal", (1, 3), number=1), Event(23, "up", (4,)),
            Event(24, "kill", peers=(7,)), Event(25, "heal", (2,))])
        self.assertEqual([str(event) for event in events[-3:]], ["up host 4", "kill peer 7", "heal host 2"])

    def test_refuses_what_it_does_not_understand(self):
        for text in ("20s:host=2", "25s-20s:host=2", "20s-20s:host=2", "20s-25s", "20s-25s:host=5", "20s-25s:peer=1",
                     "20s-25s:host=", "20-25:host=2", "20s-25s:host=1:peer=2"):
            with self.subTest(text):
                self.assertRaises(BadInput, timetable.timetable, [text], [], [], 4, 8)
                self.assertRaises(BadInput, timetable.timetable, [], [text], [], 4, 8)
        for text in ("12s", "12s:peer=8", "12s:host=0", "12:peer=1", "12s:peer=1:host=1", "12s-13s:peer=1"):
            with self.subTest(text):
                self.assertRaises(BadInput, timetable.timetable, [], [], [text], 4, 8)


if __name__ == "__main__":
    unittest.main()
