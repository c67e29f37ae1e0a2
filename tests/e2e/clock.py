"""clock: a time of day that a test sets. libfaketime changes what a process reads; the monotonic
clock goes on, as it does when a clock is set."""

import glob
import os
import unittest

from world import Person

FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
needs_faketime = unittest.skipUnless(FAKETIME, "libfaketime is not installed")


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


def person_of_day(world, name, day):
    """A registered person who has a clock, `day` days off."""
    person = Person(world, name)
    os.makedirs(person.folder)
    person.clock = Clock(os.path.join(person.folder, "clock"))
    person.clock.shift_days(day)
    person.environment = person.clock.environment()
    person.register()
    return person
