#!/usr/bin/env python3
"""Clocks that jump a day, either way: the server's, and a client's."""

import os

from clock import Clock, needs_faketime, person_of_day
from world import Server, World, main


@needs_faketime
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


@needs_faketime
class AClientsClock(World):
    def test_is_a_day_off(self):
        alice, yesterday, tomorrow = (person_of_day(self, name, day)
                                      for name, day in (("alice", 0), ("yes", -1), ("tom", 1)))
        self.group_of(alice, yesterday, tomorrow)
        said = {}
        for person in (yesterday, alice, tomorrow):
            person.must("update")
            said[f"from {person.folder}"] = True
            person.must("send", "--msg", f"from {person.folder}")
        self.assert_one_history([alice, yesterday, tomorrow], said)

    def test_jumps_and_nothing_is_lost(self):
        alice, bob = person_of_day(self, "alice", 0), self.person("bob")
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
    main()
