#!/usr/bin/env python3
"""Who is who: the server by the key in its address."""

import base64
import os
import unittest

from world import NOT_AUTHENTIC, UNREACHABLE, USAGE, Server, World


class Addresses(World):
    def setUp(self):
        super().setUp()
        # What the one address does not say, the server does.
        self.bare = self.server.authentication
        self.delivery = self.server.delivery
        self.server.authentication, self.server.delivery = self.server.address, ""

    def address_of(self, key, place=None):
        text = base64.urlsafe_b64encode(bytes.fromhex(key)).decode().rstrip("=")
        return f"qnpc://{place or self.bare}/{text}"

    def test_one_address_is_all_that_a_client_needs(self):
        self.assertEqual(self.server.address, self.address_of(self.server.key))
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        alice.must("send", "--msg", "hello")
        self.assertEqual(bob.texts("received"), ["hello"])
        services = alice.must("ping")
        self.assertEqual([s["address"] for s in services], [self.bare, self.delivery])
        self.assertEqual({s["trust"] for s in services}, {"given"})
        # Nobody was trusted on first use, and without the key it is the pinned one.
        self.assertNotIn("first contact", alice.run("whoami").err)
        self.server.authentication = self.bare
        self.assertEqual({s["trust"] for s in alice.must("ping")}, {"pinned"})

    def test_another_key_than_that_of_the_address_is_refused(self):
        self.server.authentication = self.address_of("11" * 32)
        alice = self.person("alice", registered=False)
        refused = alice.run("register")
        self.expect(NOT_AUTHENTIC, refused, "is not the one that is expected")
        self.assertIn("Nothing was sent to it. The expected key is the one that you gave",
                      refused.err)
        self.assertIn(self.server.key, refused.err)
        self.server.authentication = self.server.address
        twice = alice.run("--server-key", "11" * 32, "register")
        self.expect(USAGE, twice, "leave out one")
        alice.register()

    def test_an_address_that_was_cut_off_is_refused(self):
        alice = self.person("alice", registered=False)
        for wrong, words in ((self.server.address[:-1], "Copy all of it"),
                             (f"qnpc://{self.bare}", "the key is missing"),
                             ("127.0.0.1:port", "a port is a number")):
            self.server.authentication = wrong
            self.expect(USAGE, alice.run("register"), words)

    def test_trust_server_takes_the_new_address(self):
        alice = self.person("alice")
        port = self.bare.rsplit(":", 1)[1]
        self.server.stop()
        other = Server(os.path.join(self.folder, "other"), authentication=f"127.0.0.1:{port}")
        self.addCleanup(other.stop)
        self.server.authentication = self.bare
        self.expect(NOT_AUTHENTIC, alice.run("ping"), "trust-server")
        self.server.authentication = other.address
        self.assertEqual(alice.must("trust-server")[0]["now"], other.key)
        self.server.authentication = self.bare
        # Nor is the old server's port asked for what the new one has elsewhere.
        self.assertEqual([s["address"] for s in alice.must("ping")], [self.bare, other.delivery])

    def test_a_delivery_service_that_has_moved_is_found(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        self.server.stop()
        self.expect(UNREACHABLE, alice.run("send", "--msg", "wait"))
        self.server.authentication, self.server.delivery = self.bare, "127.0.0.1:0"
        self.server.start()
        self.assertNotEqual(self.server.delivery, self.delivery)
        self.server.authentication, self.server.delivery = self.server.address, ""
        alice.must("send", "--msg", "hello")
        self.assertEqual(bob.texts("received"), ["hello"])


class PublicAddress(World):
    server_options = ("--public-address", "chat.example.org:443", "--qr")

    def test_the_operator_says_where_clients_reach_the_server(self):
        self.assertTrue(self.server.address.startswith("qnpc://chat.example.org:443/"))
        code = [line for line in self.server.printed if "█" in line]
        self.assertGreater(len(code), 15)
        self.assertEqual(len({len(line) for line in code}), 1)
        self.server.stop()
        everywhere = Server(os.path.join(self.folder, "everywhere"), "0.0.0.0:0")
        self.addCleanup(everywhere.stop)
        self.assertIsNone(everywhere.address)
        self.assertEqual([line for line in everywhere.printed if "█" in line], [])


if __name__ == "__main__":
    unittest.main()
