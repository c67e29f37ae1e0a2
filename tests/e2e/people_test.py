#!/usr/bin/env python3
"""Who is who: the server by the key in its address, people by the names that one gives them."""

import base64
import hashlib
import os
import subprocess
import unittest

from world import (NOT_AUTHENTIC, NOTHING_THERE, OK, REFUSED, REJECTED, UNREACHABLE, USAGE, Server,
                   World)


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


class Contacts(World):
    def test_a_name_is_good_wherever_a_key_is(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        alice.must("contacts", "add", "bob", bob.key)
        alice.must("contacts", "add", "carol m.", carol.key.upper())
        alice.must("create-group", "--group-id", "friends")
        alice.must("invite", "--peer-key", "bob", "--peer-key", "car")
        for person in (bob, carol):
            person.must("join")
        self.assertEqual([m.get("name") for m in alice.must("members")], [None, "bob", "carol m."])
        alice.must("send", "--msg", "hello", "--peer-key", "bob")
        bob.must("send", "--msg", "hello alice")
        entry = [e for e in alice.must("recv") if e["kind"] == "received"][0]
        self.assertEqual((entry["sender"], entry["sender_name"]), (bob.key, "bob"))
        # Whom nobody has named is shown by the start of the key, which is good as well.
        alice.must("remove", "--peer-key", carol.key[:8])
        self.assertEqual(len(alice.must("members")), 2)
        self.assertEqual(alice.must("fetch-key", "carol m.")[0]["identity_key"], carol.key)
        text = self.text_of(alice, "recv", "--all")
        self.assertIn("friends bob: hello alice", text)
        self.assertIn(f"* {alice.key[:8]} removed carol m.", text)
        self.assertIn(f"{bob.key} bob", self.text_of(alice, "groups"))

    def text_of(self, person, *arguments):
        command = [word for word in person.command(*arguments) if word != "--json"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def test_a_member_can_be_named_by_the_start_of_the_key(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.expect(USAGE, alice.run("contacts", "add", "bob", bob.key[:8]), "nobody called")
        self.group_of(alice, bob)
        added = alice.must("contacts", "add", "bob", bob.key[:8])[0]
        self.assertEqual((added["name"], added["identity_key"]), ("bob", bob.key))

    def test_names_are_checked_and_are_one_person_each(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        alice.must("contacts", "add", "bob", bob.key)
        for words, why in ((("bob", carol.key), "there is a contact bob already"),
                           (("robert", bob.key), "bob's already"),
                           (("me", carol.key), "your own messages"),
                           (("deadbeef", carol.key), "look like a key"),
                           (("a\x1b[31m", carol.key), "control characters"),
                           (("myself", alice.key), "your own key"),
                           (("carol", "car"), "nobody called")):
            self.expect(USAGE, alice.run("contacts", "add", *words), why)
        alice.must("contacts", "rename", "bob", "bobby")
        alice.must("contacts", "add", "bob", carol.key)
        self.expect(USAGE, alice.run("contacts", "rename", "bob", "bobby"), "already")
        self.assertEqual([(c["name"], c["identity_key"]) for c in alice.must("contacts", "list")],
                         [("bobby", bob.key), ("bob", carol.key)])
        self.assertEqual(alice.must("contacts", "remove", "bobb")[0]["name"], "bobby")
        self.expect(USAGE, alice.run("contacts", "remove", bob.key), "is no contact")
        self.expect(USAGE, alice.run("send", "--msg", "x", "--peer-key", "bobby"), "nobody called")
        with open(alice.state, "rb") as file:
            self.assertNotIn(b"bob", file.read())  # sealed, as all the rest


class Verification(World):
    def half(self, key):
        """As docs/verification.md says."""
        digest = hashlib.sha512(b"quicnprotochat safety number 1\n" + key).digest()
        for _ in range(5200):
            digest = hashlib.sha512(digest + key).digest()
        return "".join(f"{int.from_bytes(digest[i:i + 5], 'big') % 100000:05}"
                       for i in range(0, 30, 5))

    def number(self, *people):
        return "".join(self.half(key) for key in sorted(bytes.fromhex(p.key) for p in people))

    def test_both_see_the_same_number_and_can_say_so(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        alice.must("contacts", "add", "bob", bob.key)
        bob.must("contacts", "add", "alice", alice.key)
        shown = alice.must("verify", "bob")[0]
        self.assertEqual(shown["safety_number"], self.number(alice, bob))
        self.assertEqual(bob.must("verify", "alice")[0]["safety_number"], shown["safety_number"])
        self.assertFalse(shown["verified"])
        other = str((int(shown["safety_number"][0]) + 1) % 10) + shown["safety_number"][1:]
        self.expect(REJECTED, alice.run("verify", "bob", "--number", other), "differ")
        self.expect(USAGE, alice.run("verify", "bob", "--number", "12"), "60 digits")
        self.expect(USAGE, alice.run("verify", bob.key[:4]), "nobody called")
        self.assertFalse(alice.must("contacts", "list")[0]["verified"])
        spoken = " ".join(shown["safety_number"][i:i + 5] for i in range(0, 60, 5))
        self.assertTrue(alice.must("verify", "bob", "--number", spoken)[0]["verified"])
        self.assertTrue(bob.must("verify", "alice", "--confirm")[0]["verified"])
        self.assertTrue(alice.must("contacts", "list")[0]["verified"])
        self.assertEqual([m.get("verified") for m in alice.must("members")], [None, True])
        self.assertFalse(alice.must("verify", "bob", "--reset")[0]["verified"])
        self.assertEqual(alice.run("verify", "bob", "--reset", "--confirm").code, USAGE)

    def test_a_qr_code_of_it_where_it_is_asked_for(self):
        alice, bob = self.person("alice"), self.person("bob")
        alice.must("contacts", "add", "bob", bob.key)
        command = [word for word in alice.command("verify", "bob") if word != "--json"]
        plain = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertEqual(len(plain.splitlines()), 3)
        self.assertIn("(not verified)", plain)
        code = subprocess.run([*command, "--qr"], capture_output=True, text=True, check=True).stdout
        self.assertTrue(code.startswith(plain))
        self.assertGreater(code.count("█"), 100)

    def test_a_verified_key_that_changes_is_shown_and_blocks_sending(self):
        alice, bob, thief = (self.person(name) for name in ("alice", "bob", "thief"))
        self.group_of(alice, bob)
        alice.must("contacts", "add", "bob", bob.key)
        alice.must("verify", "bob", "--confirm")
        bob.must("send", "--msg", "from the old one")
        alice.must("recv")
        self.expect(USAGE, alice.run("contacts", "add", "bob", thief.key), "`contacts replace`")
        replaced = alice.run("contacts", "replace", "bob", thief.key)
        self.expect(OK, replaced, "run `verify`")
        self.expect(REFUSED, alice.run("send", "--msg", "x"), "`verify 'bob'` shows")
        self.expect(USAGE, alice.run("contacts", "remove", "bob"), "settle that first")
        entry = alice.must("recv")[-1]
        self.assertEqual((entry["kind"], entry["sender"], entry["former_key"]),
                         ("key_changed", thief.key, bob.key))
        self.assertTrue(alice.must("contacts", "list")[0]["changed"])
        # The new one comes in while it is not settled.
        alice.must("invite", "--peer-key", "bob")
        self.assertIn("key_changed", [e["kind"] for e in alice.must("recv")])
        self.expect(REFUSED, alice.run("send", "--msg", "x"), "nothing was sent to friends")
        alice.must("remove", "--peer-key", bob.key)
        number = self.number(alice, thief)
        self.assertTrue(alice.must("verify", "bob", "--number", number)[0]["verified"])
        alice.must("send", "--msg", "settled")
        thief.must("join")
        self.assertEqual(thief.texts("received"), ["settled"])
        command = [word for word in alice.command("recv", "--all") if word != "--json"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertIn("friends bob (former key): from the old one", text)


class Blocking(World):
    def test_who_is_blocked_is_hidden_and_invites_to_nothing(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        alice.must("contacts", "add", "bob", bob.key)
        bob.must("send", "--msg", "before")
        alice.must("contacts", "block", "bob")
        bob.must("send", "--msg", "you cannot see this")
        bob.must("create-group", "--group-id", "trap")
        bob.must("invite", "--group-id", "trap", "--peer-key", alice.key)
        entries = [e for e in alice.must("recv", "--all") if e["kind"] == "received"]
        self.assertEqual([e.get("text") for e in entries], [None, None])
        self.assertTrue(all(e["blocked"] for e in entries))
        self.assertEqual([g["group"] for g in alice.must("groups")], ["friends"])
        self.assertEqual(alice.unreadable(), [])
        self.expect(NOTHING_THERE, alice.run("join"), "no invitation")
        command = [word for word in alice.command("recv", "--all") if word != "--json"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertIn("friends bob: (hidden, since you have blocked them)", text)
        self.assertNotIn("you cannot see this", text)
        self.expect(USAGE, alice.run("invite", "--peer-key", "bob"), "contacts unblock")
        self.expect(USAGE, alice.run("contacts", "remove", "bob"), "contacts unblock")
        # And speaks to the others as before.
        alice.must("send", "--msg", "hello")
        self.assertEqual(bob.texts("received"), ["hello"])
        alice.must("contacts", "unblock", "bob")
        self.assertEqual(alice.texts("received"), ["before", "you cannot see this"])

    def test_the_others_learn_the_new_token_and_the_old_one_is_worth_nothing(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        for name, other in (("with bob", bob), ("with carol", carol)):
            alice.must("create-group", "--group-id", name)
            alice.must("invite", "--group-id", name, "--peer-key", other.key)
            other.must("join")
        epochs = {g["group"]: g["epoch"] for g in alice.must("groups")}
        alice.must("contacts", "add", "bob", bob.key)
        alice.must("contacts", "block", "bob")
        after = {g["group"]: g["epoch"] for g in alice.must("groups")}
        self.assertEqual(after["with bob"], epochs["with bob"])
        self.assertEqual(after["with carol"], epochs["with carol"] + 1)
        # Of both groups a member asks to come back; only Carol knows the way.
        for other in (carol, bob):
            other.must("sync")
            other.run("rejoin")
        alice.must("sync")
        self.assertEqual({g["group"]: g["epoch"] for g in alice.must("groups")},
                         {**after, "with carol": after["with carol"] + 1})
        # A fresh KeyPackage has it, so that others still can invite her.
        carol.must("create-group", "--group-id", "new")
        carol.must("invite", "--group-id", "new", "--peer-key", alice.key)
        self.assertEqual([g["group"] for g in alice.must("join")], ["new"])

    def test_a_token_that_the_server_was_not_told_is_told_before_anything_else(self):
        alice, bob = self.person("alice"), self.person("bob")
        alice.must("contacts", "add", "bob", bob.key)
        self.server.kill()
        outcome = alice.run("contacts", "block", "bob")
        self.expect(UNREACHABLE, outcome, "still has the old token")
        self.assertTrue(alice.must("contacts", "list")[0]["blocked"])
        self.server.start()
        alice.must("sync")
        # The KeyPackages are new as well, though the last attempt at them is not long ago.
        carol = self.person("carol")
        carol.must("create-group", "--group-id", "new")
        carol.must("invite", "--peer-key", alice.key)
        self.assertEqual([g["group"] for g in alice.must("join")], ["new"])

    def test_who_is_removed_or_unblocked_is_no_reason_any_more(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        self.group_of(alice, bob, carol)
        alice.must("contacts", "add", "bob", bob.key)
        alice.must("contacts", "block", "bob")
        alice.must("sync")
        before = alice.must("groups")[0]["epoch"]
        alice.must("remove", "--peer-key", "bob")
        alice.must("sync")
        # The removal, which Bob can read, and then what he cannot.
        self.assertEqual(alice.must("groups")[0]["epoch"], before + 2)
        alice.must("sync")
        self.assertEqual(alice.must("groups")[0]["epoch"], before + 2)


if __name__ == "__main__":
    unittest.main()
