#!/usr/bin/env python3
"""A server that is restored from a backup, as docs/server-store.md says it is done: those who have
seen more than it knows hear what follows, and come back to a group whose change it has lost."""

import contextlib
import os
import re
import sqlite3
import unittest

from world import NOTHING_THERE, World

PAGE = os.path.join(os.path.dirname(__file__), "../../docs/server-store.md")


class Restored(World):
    def setUp(self):
        super().setUp()
        self.database = os.path.join(self.server.folder, "server.db")
        self.copy = os.path.join(self.folder, "copy.db")
        self.alice, self.bob = self.person("alice"), self.person("bob")
        self.group_of(self.alice, self.bob)
        self.bob.must("recv")

    def back_up(self):
        with contextlib.closing(sqlite3.connect(self.database)) as running, \
                contextlib.closing(sqlite3.connect(self.copy)) as copy:
            running.backup(copy)

    def restore(self):
        self.server.kill()
        for suffix in ("-wal", "-shm"):
            if os.path.exists(self.database + suffix):
                os.remove(self.database + suffix)
        os.replace(self.copy, self.database)
        with open(PAGE, encoding="utf-8") as page:
            statement = re.search(r'sqlite3 server.db "(UPDATE [^"]*)"', page.read()).group(1)
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            database.execute(statement)
            database.commit()
        self.server.start()

    def assert_they_talk(self):
        self.alice.must("send", "--msg", "from alice")
        self.bob.must("recv")
        self.assertEqual(self.bob.conversation()[-1], "from alice")
        self.bob.must("send", "--msg", "from bob")
        self.alice.must("recv")
        self.assertEqual(self.alice.conversation()[-2:], ["from alice", "from bob"])
        self.assertEqual(self.alice.agreement(), self.bob.agreement())

    def test_who_has_seen_more_than_the_server_knows_hears_what_follows(self):
        self.back_up()
        for number in range(5):
            self.alice.must("send", "--msg", f"lost with the disk {number}")
        self.bob.must("recv")
        self.restore()
        self.assert_they_talk()
        self.assertEqual(len(self.bob.conversation()), 7)

    def test_invitations_and_welcomes_go_on(self):
        self.back_up()
        self.restore()
        carol = self.person("carol")
        self.bob.must("invite", "--peer-key", carol.key)
        carol.must("join")
        self.alice.must("recv")
        self.assert_they_talk()
        carol.must("recv")
        self.assertEqual(carol.conversation(), ["from alice", "from bob"])

    def test_a_group_that_is_lost_is_told_with_what_to_do(self):
        self.back_up()
        # Its KeyPackage is given out a second time after the restoration: of another suite.
        self.alice.must("create-group", "--group-id", "work", "--suite", "x25519")
        self.alice.must("invite", "--group-id", "work", "--peer-key", self.bob.key)
        self.bob.must("join")
        self.restore()
        remedy = "start a new group with `create-group` and invite them again"
        outcome = self.alice.run("send", "--group-id", "work", "--msg", "x")
        self.expect(NOTHING_THERE, outcome, remedy)
        self.assertIn("work: the server does not know this group", outcome.err)
        follower = self.follow(self.bob)
        self.assertIn(remedy, follower.stderr.readline().decode())
        self.alice.must("send", "--group-id", "friends", "--msg", "this one goes on")
        self.assertIn(b"this one goes on", follower.stdout.readline())
        follower.kill()
        self.assertNotIn(remedy, follower.stderr.read().decode())  # once is enough
        self.alice.must("create-group", "--group-id", "work again")
        self.alice.must("invite", "--group-id", "work again", "--peer-key", self.bob.key)
        self.bob.must("join")
        self.bob.must("send", "--group-id", "work again", "--msg", "here")
        self.assertEqual(self.alice.texts("received")[-1], "here")

    def test_who_has_read_a_change_that_is_lost_comes_back(self):
        self.back_up()
        self.alice.must("update")
        self.restore()
        self.alice.must("sync")
        self.assertTrue(self.alice.must("groups")[0]["behind"])
        self.alice.must("rejoin")
        self.bob.must("sync")
        self.alice.must("sync")
        self.assertFalse(self.alice.must("groups")[0]["behind"])
        self.assert_they_talk()


if __name__ == "__main__":
    unittest.main()
