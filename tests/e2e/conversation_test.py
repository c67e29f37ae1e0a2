#!/usr/bin/env python3
"""What people do with the client on a good day, and the clear words when they err."""

import os
import signal
import socket
import subprocess
import time
import unittest

from world import (LOCAL_FILE, NOT_AUTHENTIC, NOTHING_THERE, OK, UNREACHABLE, USAGE, Person, Server,
                   World, program)


class Conversation(World):
    def test_ping(self):
        services = Person(self, "nobody").must("ping")
        self.assertEqual([s["service"] for s in services], ["authentication", "delivery"])
        self.assertEqual({s["server_key"] for s in services}, {self.server.key})
        self.assertEqual({s["trust"] for s in services}, {"unchecked"})
        self.assertFalse(os.path.exists(os.path.join(self.folder, "nobody")))

    def test_demo_group(self):
        self.assertEqual(Person(self, "nobody").must("demo-group")[-1]["epoch"], 2)

    def test_three_people(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        self.group_of(alice, bob, carol)
        self.assertEqual(alice.must("send", "--msg", "to all")[0]["recipients"], 2)
        bob.must("send", "--msg", "- from bob", "--group-id", "friends")
        self.assertEqual(alice.texts("received"), ["- from bob"])
        self.assertEqual(carol.texts("received"), ["to all", "- from bob"])
        self.assertEqual(alice.agreement(), bob.agreement())
        self.assertEqual(alice.agreement(), carol.agreement())

    def test_recv_shows_each_message_once(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        alice.must("send", "--msg", "once")
        self.assertEqual([e["text"] for e in bob.must("recv")], ["once"])
        self.assertEqual(bob.must("recv"), [])
        self.assertEqual(bob.texts("received"), ["once"])

    def test_what_could_not_be_written_is_shown_again(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        alice.must("send", "--msg", "important")
        with open("/dev/full", "w") as full:
            code = subprocess.run(bob.command("recv"), stdout=full, stderr=subprocess.DEVNULL)
        self.assertEqual(code.returncode, LOCAL_FILE)
        self.assertEqual([e["text"] for e in bob.must("recv")], ["important"])

    def test_standard_input(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        texts = ["from a pipe\nwith two lines\n", "grüße 漢字 🙂", "x" * (2 << 20), "a\0b\x1b[2J"]
        for text in texts:
            alice.must("send", stdin=text.encode())
        alice.must("send", "--msg", "-", stdin=b"dash")
        bob.must("recv")
        self.assertEqual(bob.texts("received"), texts + ["dash"])

    def test_messages_that_cannot_be_sent(self):
        alice = self.person("alice")
        alice.must("create-group", "--group-id", "friends")
        self.expect(USAGE, alice.run("send", stdin=b""), "empty")
        self.expect(USAGE, alice.run("send", stdin=b"\xff\xfe"), "base64")
        self.expect(USAGE, alice.run("send", stdin=b"x" * ((2 << 20) + 1)), "in parts")
        self.expect(USAGE, alice.run("send", "--msg", "x", "--peer-key", "ab" * 32), "nobody")
        self.assertEqual(alice.texts("sent"), [])

    def test_join_without_invitation(self):
        self.expect(NOTHING_THERE, self.person("bob").run("join"), "no invitation")

    def test_invitations_wait_and_lose_nothing(self):
        alice, bob = self.person("alice"), self.person("bob")
        alice.must("create-group", "--group-id", "friends")
        alice.must("invite", "--peer-key", bob.key)
        alice.must("send", "--msg", "said before bob joined")
        outcome = bob.run("recv")
        self.assertEqual(outcome.out, "")
        self.assertIn("run `join`", outcome.err)
        self.assertEqual(bob.must("join", "--group-id", "hikers")[0]["group"], "hikers")
        self.assertEqual([e["text"] for e in bob.must("recv")], ["said before bob joined"])

    def test_several_groups(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        alice.must("create-group", "--group-id", "work")
        self.expect(USAGE, alice.run("send", "--msg", "where?"), "friends, work")
        self.expect(NOTHING_THERE, alice.run("send", "--group-id", "nowhere", "--msg", "x"))
        alice.must("invite", "--group-id", "work", "--peer-key", bob.key)
        bob.must("join")
        alice.must("send", "--group-id", "work", "--msg", "here")
        self.assertEqual(bob.must("recv", "--group-id", "friends"), [])
        self.assertEqual([e["group"] for e in bob.must("recv", "--group-id", "work")], ["work"])

    def test_inviting_a_member_again(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        self.expect(USAGE, alice.run("invite", "--peer-key", bob.key), "already")

    def test_offline(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        self.server.kill()
        self.expect(UNREACHABLE, alice.run("send", "--msg", "lost?"), "cannot reach")
        self.expect(UNREACHABLE, alice.run("recv"), "cannot reach")
        self.expect(UNREACHABLE, Person(self, "nobody").run("ping"), "cannot reach")
        self.server.start()
        self.assertEqual(alice.texts("sent"), [])  # refused before anything was written

    def followed(self):
        """Alice, Bob, and his `recv --follow`, which has printed what she said."""
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        follower = self.follow(bob)
        alice.must("send", "--msg", "one")
        self.assertIn(b"one", follower.stdout.readline())
        return alice, bob, follower

    def test_follow_survives_a_restart(self):
        alice, bob, follower = self.followed()
        self.server.restart()
        bob.must("send", "--msg", "the state is free in between")
        alice.must("send", "--msg", "two")
        self.assertIn(b"two", follower.stdout.readline())
        follower.send_signal(signal.SIGINT)
        follower.wait()

    def test_follow_begins_while_the_server_is_away(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        self.group_of(alice, bob)
        carol.must("create-group", "--group-id", "work")
        carol.must("invite", "--peer-key", bob.key)
        self.server.kill()
        follower = self.follow(bob)
        self.assertIn(b"trying again", follower.stderr.readline())
        self.server.start()
        alice.must("send", "--msg", "one")
        self.assertIn(b"one", follower.stdout.readline())
        self.assertIn(b"run `join`", follower.stderr.readline())  # the other thing once
        follower.send_signal(signal.SIGINT)
        follower.wait()

    def test_follow_does_not_wait_for_what_stays_wrong(self):
        bob = self.person("bob")
        self.server.kill()
        other = Server(os.path.join(self.folder, "other"), self.server.authentication,
                       self.server.delivery)
        self.addCleanup(other.stop)
        self.expect(NOT_AUTHENTIC, bob.run("recv", "--follow"))
        with open(bob.state + ".key", "rb+") as file:
            file.write(bytes(32))
        self.expect(LOCAL_FILE, bob.run("recv", "--follow"))

    def test_follow_waits_for_a_server_that_is_full(self):
        alice, _, follower = self.followed()
        self.server.kill()
        self.assertIn(b"trying again", follower.stderr.readline())
        self.server.options = ("--connections", "3", "--handshake-seconds", "60",
                               "--metrics", "127.0.0.1:0")
        self.server.start()
        host, port = self.server.delivery.split(":")
        others = [socket.create_connection((host, port)) for _ in range(3)]
        while not self.server.counted('limit_hits_total{limit="connections"}'):
            self.assertIsNone(follower.poll())
            time.sleep(0.1)
        for other in others:
            other.close()
        alice.must("send", "--msg", "two")
        self.assertIn(b"two", follower.stdout.readline())
        follower.send_signal(signal.SIGINT)
        follower.wait()

    def test_follow_is_told_at_once_and_of_new_groups_too(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        follower = self.follow(bob)
        for text in ("one", "two"):
            alice.must("send", "--msg", text)
            self.assertIn(text.encode(), follower.stdout.readline())
        alice.must("create-group", "--group-id", "work")
        alice.must("invite", "--group-id", "work", "--peer-key", bob.key)
        bob.must("join")
        alice.must("send", "--group-id", "work", "--msg", "three")
        self.assertIn(b"three", follower.stdout.readline())
        follower.send_signal(signal.SIGINT)
        follower.wait()

    def test_wait(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        self.assertEqual(bob.must("recv", "--wait-ms", "300"), [])
        waiting = bob.start("recv", "--wait-ms", "60000")
        alice.must("send", "--msg", "at last")
        self.assertIn(b"at last", waiting.communicate(timeout=30)[0])
        self.assertEqual(waiting.returncode, OK)

    def test_usage(self):
        for arguments in ([], ["frobnicate"], ["invite"], ["send", "--no-such-option"]):
            outcome = Person(self, "nobody").run(*arguments)
            self.expect(USAGE, outcome)
        helped = subprocess.run([program("quicnprotochat-client"), "--help"], capture_output=True)
        self.assertEqual(helped.returncode, OK)
        self.assertIn(b"Exit codes", helped.stdout)


if __name__ == "__main__":
    unittest.main()
