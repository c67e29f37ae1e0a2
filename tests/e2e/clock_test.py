#!/usr/bin/env python3
"""Clocks that jump a day, either way: the server's, and a client's. libfaketime changes what a
process reads as the time of day; the monotonic clock goes on as it does when a clock is set."""

import glob
import os
import unittest

from world import Server, World

FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


class Clock:
    """The clock of the processes that have its environment."""

    def __init__(self, path):
        self.path = path
        self.shift_days(0)

    def shift_days(self, days):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(f"{days:+}d\n")
        os.replace(self.path + ".new", self.path)

    def environment(self):
        return {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": self.path,
                "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1"}


@unittest.skipUnless(FAKETIME, "libfaketime is not installed")
class TheServersClock(World):
    def make_server(self, folder):
        self.clock = Clock(os.path.join(self.folder, "clock"))
        return Server(folder, environment=self.clock.environment())

    def test_jumps_and_nothing_is_lost(self):
        people = [self.person(name) for name in ("alice", "bob", "carol")]
        self.group_of(*people)
        said = {}
        for day in (0, 1, 0, -1, 1, -1, 0):
            self.clock.shift_days(day)
            for number, person in enumerate(people):
                text = f"{len(said)} on day {day}"
                person.must("send", "--msg", text)
                said[text] = True
                if number == day + 1:
                    person.must("update")
        self.assert_one_history(people, said)

    def test_jumps_while_others_follow(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        follower = self.follow(bob)
        for day in (0, 1, -1, 0):
            self.clock.shift_days(day)
            alice.must("send", "--msg", f"on day {day}")
            self.assertIn(f"on day {day}".encode(), follower.stdout.readline())


@unittest.skipUnless(FAKETIME, "libfaketime is not installed")
class AClientsClock(World):
    def person_of_day(self, name, day):
        person = self.person(name, registered=False)
        os.makedirs(person.folder)
        person.clock = Clock(os.path.join(person.folder, "clock"))
        person.clock.shift_days(day)
        person.environment = person.clock.environment()
        person.register()
        return person

    def test_is_a_day_off(self):
        alice, yesterday, tomorrow = (self.person_of_day(name, day)
                                      for name, day in (("alice", 0), ("yes", -1), ("tom", 1)))
        self.group_of(alice, yesterday, tomorrow)
        said = {}
        for person in (yesterday, alice, tomorrow):
            person.must("update")
            said[f"from {person.folder}"] = True
            person.must("send", "--msg", f"from {person.folder}")
        self.assert_one_history([alice, yesterday, tomorrow], said)

    def test_jumps_and_nothing_is_lost(self):
        alice, bob = self.person_of_day("alice", 0), self.person("bob")
        self.group_of(alice, bob)
        said = {}
        for day in (1, -1, 0, 1):
            alice.clock.shift_days(day)
            for person in (alice, bob):
                text = f"{len(said)} on day {day}"
                person.must("send", "--msg", text)
                said[text] = True
            alice.must("update")
        self.assert_one_history([alice, bob], said)


if __name__ == "__main__":
    unittest.main()
