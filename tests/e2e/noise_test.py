#!/usr/bin/env python3
"""Which handshake is spoken: hybrid unless somebody says otherwise, and never less than before."""

import os
import unittest

from world import NOT_AUTHENTIC, OK, REFUSED, USAGE, Server, World


class Noise(World):
    def suites(self, person, *options):
        return {answer["noise"] for answer in person.must(*options, "ping")}

    def test_hybrid_is_the_default_and_cannot_be_taken_back(self):
        alice = self.person("alice")
        self.assertEqual(self.suites(alice), {"hybrid"})
        self.assertFalse(any(each["requires_hybrid"] for each in alice.must("ping")))
        refused = alice.run("--noise", "classic", "ping")
        self.expect(NOT_AUTHENTIC, refused, "has spoken the hybrid handshake with you")
        given = alice.run("--noise", "classic", "--server-key", self.server.key, "ping")
        self.expect(NOT_AUTHENTIC, given, "trust-server --noise classic")
        command = ["trust-server", "--noise", "classic", "--server-key", self.server.key]
        whole = f"trust-server --noise classic --server {self.server.authentication} --server-key"
        self.expect(NOT_AUTHENTIC, refused, whole)
        changed = alice.must(*command)[0]
        self.assertEqual([changed["noise_before"], changed["noise"]], ["hybrid", "classic"])
        self.assertEqual(self.suites(alice, "--noise", "classic"), {"classic"})
        self.assertEqual(self.suites(alice), {"hybrid"})  # which is pinned again
        self.expect(NOT_AUTHENTIC, alice.run("--noise", "classic", "ping"))

    def test_a_classic_first_contact_with_a_server_that_speaks_hybrid_is_noticed(self):
        alice = self.person("alice", registered=False)
        alice.options = ["--noise", "classic"]
        registered = alice.run("register")
        self.expect(OK, registered, "also speaks the hybrid handshake")
        self.assertEqual(self.suites(alice), {"classic"})
        alice.options = []
        self.assertEqual(self.suites(alice), {"hybrid"})

    def test_a_server_that_requires_hybrid_says_so_on_both_sides(self):
        log = os.path.join(self.folder, "log")
        self.server.stop()
        with open(log, "w", encoding="utf-8") as errors:
            self.server = Server(os.path.join(self.folder, "strict"),
                                 options=("--require-hybrid",), log_level="info", log=errors)
        self.addCleanup(self.server.stop)
        alice = self.person("alice")
        self.assertEqual(self.suites(alice), {"hybrid"})
        self.assertTrue(all(each["requires_hybrid"] for each in alice.must("ping")))
        bob = self.person("bob", registered=False)
        refused = bob.run("--noise", "classic", "register")
        self.expect(REFUSED, refused, "accepts only the hybrid handshake. Leave out --noise")
        bob.register()
        with open(log, encoding="utf-8") as lines:
            said = [line for line in lines if "suite_refused" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn("the handshake is classic, which this end does not accept", said[0])

    def test_a_suite_that_there_is_not_is_a_usage_error(self):
        self.assertEqual(self.person("alice").run("--noise", "both", "ping").code, USAGE)


if __name__ == "__main__":
    unittest.main()
