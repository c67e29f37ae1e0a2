#!/usr/bin/env python3
"""Members who were away for longer than the server keeps what was said and done: they are told so,
and come back by `rejoin`. The server's clock is moved, and its own retention does the rest."""

import contextlib
import os
import sqlite3
import time

from clock import Clock, needs_faketime
from world import REFUSED, Server, World, main


@needs_faketime
class Retention(World):
    def make_server(self, folder):
        self.day = 0
        self.clock = Clock(os.path.join(self.folder, "clock"))
        return Server(folder, options=("--group-log-days", "1"),
                      environment=self.clock.environment())

    def setUp(self):
        super().setUp()
        self.people = [self.person(name) for name in ("alice", "bob", "carol")]
        self.group_of(*self.people)
        for person in self.people:
            person.must("recv")

    def days_pass(self, until):
        """Two days, and the server has noticed: it looks when it starts."""
        self.day += 2
        self.clock.shift_days(self.day)
        self.server.restart()
        path = os.path.join(self.server.folder, "server.db")
        end = time.monotonic() + 60
        with contextlib.closing(sqlite3.connect(path)) as database:
            while not database.execute(until).fetchone()[0]:
                self.assertLess(time.monotonic(), end, until)
                time.sleep(0.05)

    def expire(self):
        """All that the log holds: it is marked, and then the mark is old."""
        self.days_pass("SELECT max(through) >= (SELECT max(sequence) FROM log_entry) FROM log_mark")
        self.days_pass("SELECT count(*) = 0 FROM log_entry")

    def gaps(self, person):
        return [entry["gap"] for entry in person.must("recv", "--all") if entry["kind"] == "gap"]

    def assert_they_talk(self, people):
        said = [f"{number} is heard" for number in range(len(people))]
        for person, text in zip(people, said):
            person.must("send", "--msg", text)
        for person in people:
            person.must("recv")
            self.assertEqual(person.conversation()[-len(said):], said, person.folder)
            self.assertEqual(person.unreadable(), [], person.folder)
        self.assertEqual(len({str(person.agreement()) for person in people}), 1)

    def test_who_was_away_too_long_is_told_so_and_comes_back(self):
        alice, bob, carol = self.people
        bob.must("send", "--msg", "unheard")
        alice.must("update")
        bob.must("sync")
        self.expire()
        self.assertEqual([entry["kind"] for entry in carol.must("recv")], ["gap", "gap"])
        lost, behind = self.gaps(carol)
        self.assertIn("gone from the server", lost)
        self.assertIn("Run `rejoin`", behind)
        self.expect(REFUSED, carol.run("send", "--msg", "it waits"), "Run `rejoin`")
        self.expect(REFUSED, carol.run("update"), "Run `rejoin`")
        self.assertEqual(carol.must("recv"), [])  # once is enough
        carol.must("rejoin")
        epoch = alice.must("groups")[0]["epoch"]
        bob.must("sync")
        alice.must("sync")  # was asked too
        carol.must("sync")
        self.assertEqual([group["epoch"] for group in alice.must("groups")], [epoch + 1])
        self.assertEqual(len(alice.must("members")), 3)
        self.assertEqual(carol.must("groups")[0]["accepted"], True)
        for person in (alice, bob):
            self.assertEqual(person.texts("received")[-1], "it waits")
        self.assert_they_talk(self.people)
        self.assertEqual(self.gaps(carol), [lost, behind])
        self.assertNotIn("unheard", carol.conversation())
        self.assertEqual(self.gaps(alice) + self.gaps(bob), [])

    def test_several_come_back_and_none_is_put_out_again(self):
        alice, bob, carol = self.people
        alice.must("update")
        self.expire()
        for person in (carol, bob, bob):  # who has both requests, and cannot answer hers
            person.must("rejoin")
        for _ in range(3):
            for person in (alice, bob, carol):
                person.must("sync")
        self.assertEqual(len(alice.must("members")), 3)
        self.assert_they_talk(self.people)

    def test_where_only_messages_are_gone_nobody_has_to_come_back(self):
        alice, _, carol = self.people
        alice.must("send", "--msg", "unheard")
        self.expire()
        self.assertEqual([entry["kind"] for entry in carol.must("recv")], ["gap"])
        self.assert_they_talk(self.people)
        self.assertEqual(len(self.gaps(carol)), 1)

    def test_who_was_removed_meanwhile_does_not_come_back(self):
        alice, bob, carol = self.people
        alice.must("remove", "--peer-key", carol.key)
        bob.must("sync")
        self.expire()
        carol.must("rejoin")
        for person in (bob, alice, carol):
            person.must("sync")
        self.assertEqual(len(alice.must("members")), 2)
        self.assertEqual([len(person.unreadable()) for person in (alice, bob)], [1, 1])
        # Until somebody wants her back.
        alice.must("invite", "--peer-key", carol.key)
        carol.must("join")
        alice.must("send", "--msg", "welcome back")
        self.assertEqual(carol.texts("received"), ["welcome back"])

    def test_all_were_away(self):
        """Nobody has changed the group meanwhile, so all go on where they were."""
        self.expire()
        self.assert_they_talk(self.people)


if __name__ == "__main__":
    main()
