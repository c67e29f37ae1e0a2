#!/usr/bin/env python3
"""What people leave at the server for others to invite them with: of which suite, how fresh, and
what happens where it does not fit."""

import os
import signal
import socket
import sqlite3
import time
import unittest

from world import NOTHING_THERE, REFUSED, REJECTED, USAGE, Server, World

HYBRID = 0x4d  # the number of suite xwing
CLASSIC = 1  # and of suite x25519


class KeyPackages(World):
    def edit(self, path, *statements):
        """Changes a database that nobody has open."""
        database = sqlite3.connect(path)
        with database:
            for statement in statements:
                database.execute(statement)
        database.close()

    def edit_server(self, *statements):
        self.server.kill()
        self.edit(os.path.join(self.server.folder, "server.db"), *statements)
        self.server.start()

    def forget(self, those):
        """The server has no such KeyPackages, and has given out none."""
        self.edit_server(
            f"DELETE FROM key_package_entry WHERE sequence IN"
            f" (SELECT sequence FROM key_package_kind WHERE {those})",
            f"DELETE FROM key_package_kind WHERE {those}")

    def forget_hybrid(self):
        """Everybody is as with a program from before there was suite xwing."""
        self.forget(f"suite = {HYBRID}")

    def left(self, server, suite=HYBRID):
        """How many KeyPackages for one use, and of last resort, are at a server."""
        database = sqlite3.connect(f"file:{server.folder}/server.db?mode=ro", uri=True)
        rows = database.execute("SELECT is_last_resort, count(*) FROM key_package_kind"
                                " WHERE suite = ? GROUP BY is_last_resort", (suite,)).fetchall()
        database.close()
        return dict(rows)

    def packages(self):
        """All that are at the server."""
        database = sqlite3.connect(f"file:{self.server.folder}/server.db?mode=ro", uri=True)
        rows = database.execute("SELECT blob FROM key_package_entry").fetchall()
        database.close()
        return set(rows)

    def test_of_both_suites(self):
        self.person("alice").must("register", "--count", "3")
        self.assertEqual(self.left(self.server), {0: 21, 1: 1})
        self.assertEqual(self.left(self.server, CLASSIC), {0: 21, 1: 1})

    def test_no_fewer_than_are_kept(self):
        self.person("alice", registered=False).register("--count", "1")
        self.assertEqual(self.left(self.server), {0: 20, 1: 1})
        self.assertEqual(self.left(self.server, CLASSIC), {0: 20, 1: 1})

    def test_are_used_once(self):
        alice, bob = self.person("alice", registered=False), self.person("bob")
        self.forget("is_last_resort = 0 AND sequence NOT IN (SELECT sequence FROM key_package_kind"
                    f" WHERE suite = {CLASSIC} AND is_last_resort = 0 LIMIT 2)")
        taken = [alice.must("fetch-key", bob.key, "--suite", "x25519")[0] for _ in range(4)]
        self.assertEqual({p["identity_key"] for p in taken}, {bob.key})
        self.assertEqual(len({p["fingerprint"] for p in taken}), 3)
        self.assertEqual(taken[2], taken[3])  # the one of last resort
        self.expect(NOTHING_THERE, alice.run("fetch-key", 64 * "0"), "register")
        self.expect(USAGE, alice.run("fetch-key", "12"), "64 hexadecimal")

    def test_who_is_named_twice_is_meant_once(self):
        alice, bob = self.person("alice"), self.person("bob")
        alice.must("contacts", "add", "Bob", bob.key)
        alice.must("create-group", "--group-id", "friends")
        twice = ("--peer-key", bob.key, "--peer-key", "Bob")
        self.assertEqual(alice.must("invite", *twice)[0]["invited"], [bob.key])
        self.assertEqual(self.left(self.server), {0: 20 + 19, 1: 2})  # one of the 40 was taken
        self.assertEqual(alice.must("remove", *twice)[0]["removed"], [bob.key])
        self.assertEqual({m["identity_key"] for m in alice.must("members")}, {alice.key})

    def test_of_somebody_else_is_refused(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        alice.must("create-group", "--group-id", "friends")
        keys = [(bob.key, 64 * "0"), (carol.key, bob.key), (64 * "0", carol.key)]
        self.edit_server(*(f"UPDATE key_package_owner SET key = x'{to}' WHERE key = x'{was}'"
                           for was, to in keys))
        for command in (("fetch-key", bob.key), ("invite", "--peer-key", bob.key)):
            self.expect(REJECTED, alice.run(*command), "the server gave a KeyPackage of somebody")
        self.assertEqual([m["identity_key"] for m in alice.must("members")], [alice.key])
        self.assertEqual(alice.must("groups")[0]["epoch"], 0)
        for person in (bob, carol):
            self.expect(NOTHING_THERE, person.run("join"))

    def test_a_group_is_hybrid_unless_it_is_said_otherwise(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.assertEqual(alice.must("create-group", "--group-id", "friends")[0]["suite"], "xwing")
        classic = alice.must("create-group", "--group-id", "classic", "--suite", "x25519")
        self.assertEqual(classic[0]["suite"], "x25519")
        for name in ("friends", "classic"):
            alice.must("invite", "--group-id", name, "--peer-key", bob.key)
            bob.must("join")
            bob.must("send", "--group-id", name, "--msg", f"hello {name}")
        self.assertEqual(alice.texts("received"), ["hello friends", "hello classic"])
        self.assertEqual({g["group"]: g["suite"] for g in bob.must("groups")},
                         {"friends": "xwing", "classic": "x25519"})
        self.assertEqual({m["suite"] for m in bob.must("members", "--group-id", "friends")},
                         {"xwing"})
        self.assertEqual(alice.agreement(), bob.agreement())
        self.expect(USAGE, alice.run("create-group", "--group-id", "x", "--suite", "rot13"),
                    "--suite")

    def test_who_has_only_classic_ones_is_invited_to_a_classic_group(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.forget_hybrid()
        alice.must("create-group", "--group-id", "friends")
        self.expect(NOTHING_THERE, alice.run("invite", "--peer-key", bob.key),
                    "create-group --suite x25519")
        alice.must("create-group", "--group-id", "classic", "--suite", "x25519")
        alice.must("invite", "--group-id", "classic", "--peer-key", bob.key)
        bob.must("join")
        bob.must("send", "--msg", "here I am")
        self.assertEqual(alice.texts("received"), ["here I am"])

    def test_an_identity_from_before_gets_them_by_itself(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.forget_hybrid()
        self.edit(bob.state, "DELETE FROM meta WHERE name = 'key_packages'")
        bob.must("sync")
        self.assertEqual(self.left(self.server), {0: 20, 1: 1})
        self.group_of(alice, bob)
        self.assertEqual(bob.must("groups")[0]["suite"], "xwing")

    def test_old_ones_are_replaced(self):
        bob = self.person("bob")
        before = self.packages()
        self.edit(bob.state, "DELETE FROM meta WHERE name = 'key_packages'")  # of which age?
        bob.must("sync")
        self.assertEqual(self.left(self.server), {0: 20, 1: 1})
        self.assertEqual(self.packages() & before, set())
        self.edit_server("UPDATE key_package_kind SET uploaded = 0")
        self.expect(NOTHING_THERE, bob.run("fetch-key", bob.key), "register")

    def test_an_invitation_that_cannot_be_delivered_is_told_and_given_up(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        alice.must("create-group", "--group-id", "friends")
        self.edit_server("UPDATE account SET delivery_token = zeroblob(32)"
                         f" WHERE key = x'{bob.key}'")
        outcome = alice.run("invite", "--peer-key", bob.key, "--peer-key", carol.key)
        self.expect(REFUSED, outcome, f"the invitation of {bob.key} was not delivered")
        self.expect(REFUSED, outcome, "`remove`")
        carol.must("join")
        self.assertNotIn("delivered", alice.run("sync").err)
        bob.must("register")
        alice.must("remove", "--peer-key", bob.key)
        alice.must("invite", "--peer-key", bob.key)
        bob.must("join")


class Following(World):
    """`recv --follow`, and an Authentication Service that is another process than the Delivery
    Service."""

    def setUp(self):
        super().setUp()
        self.authentication = Server(os.path.join(self.folder, "authentication"))
        self.addCleanup(self.authentication.stop)

    def person(self, name, registered=True):
        person = super().person(name, registered=False)
        person.authentication = self.authentication.authentication
        if registered:
            person.register()
        return person

    def invite(self, alice, bob, name):
        alice.must("create-group", "--group-id", name)
        alice.must("invite", "--group-id", name, "--peer-key", bob.key)

    def uploads(self):
        """How many there were ever."""
        database = sqlite3.connect(f"file:{self.authentication.folder}/server.db?mode=ro", uri=True)
        count, = database.execute("SELECT count(*) FROM key_package_remembered").fetchone()
        database.close()
        return count

    def wait_until(self, condition, what):
        deadline = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.1)

    def test_leaves_fresh_ones_also_when_the_connection_was_closed_meanwhile(self):
        alice, bob = self.person("alice"), self.person("bob")
        before = self.uploads()
        self.follow(bob)
        for number in range(1, 3):
            self.invite(alice, bob, f"group{number}")
            self.wait_until(lambda: self.uploads() == before + number, number)
            self.authentication.restart()

    def test_prints_and_shares_the_state_while_nobody_answers(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        self.invite(alice, bob, "another")  # which uses a KeyPackage
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        bob.authentication = f"127.0.0.1:{silent.getsockname()[1]}"
        process = self.follow(bob)
        for text in (b"one", b"two", b"three"):
            alice.must("send", "--group-id", "friends", "--msg", text.decode())
            self.assertIn(text, process.stdout.readline())
            bob.must("groups")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.stderr.read().count(b"no fresh KeyPackages"), 1)


if __name__ == "__main__":
    unittest.main()
