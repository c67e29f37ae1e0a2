#!/usr/bin/env python3
"""Groups of many: who comes, goes, leaves and renews keys, at once and one after the other."""

import concurrent.futures
import os
import unittest

from world import OK, REFUSED, USAGE, World

MEMBERS = int(os.environ.get("QNPC_MEMBERS", "16"))
CHANGES = int(os.environ.get("QNPC_CHANGES", "25"))
EPOCHS = int(os.environ.get("QNPC_EPOCHS", "300"))


class Groups(World):
    server_options = ("--metrics", "127.0.0.1:0")

    def invite_all(self, first, others):
        first.must("create-group", "--group-id", "friends")
        first.must("invite", *[word for other in others for word in ("--peer-key", other.key)])
        for other in others:
            other.must("join")

    def members(self, person):
        return {entry["identity_key"] for entry in person.must("members")}

    def test_several_come_by_one_commit(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        self.invite_all(alice, [bob, carol])
        self.assertEqual(alice.must("groups")[0]["epoch"], 1)
        self.assertEqual(self.members(carol), {alice.key, bob.key, carol.key})
        bob.must("send", "--msg", "hello")
        self.assertEqual(carol.texts("received"), ["hello"])

    def test_who_is_removed_reads_and_writes_no_more(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        self.invite_all(alice, [bob, carol])
        alice.must("remove", "--peer-key", carol.key)
        bob.must("send", "--msg", "between us")
        removed = carol.must("recv")
        self.assertEqual([entry["kind"] for entry in removed], ["removed"])
        self.expect(USAGE, carol.run("send", "--msg", "wait"), "no longer a member")
        self.assertFalse(carol.must("groups")[0]["member"])
        self.expect(USAGE, alice.run("remove", "--peer-key", carol.key), "no member")
        self.expect(USAGE, alice.run("remove", "--peer-key", alice.key), "leave")
        alice.must("invite", "--peer-key", carol.key)
        carol.must("join")
        bob.must("send", "--msg", "back again")
        self.assertEqual(carol.texts("received"), ["back again"])

    def test_leave(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        self.invite_all(alice, [bob, carol])
        carol.must("leave")
        self.expect(USAGE, carol.run("send", "--msg", "x"), "asked to leave")
        self.assertEqual([m["leaving"] for m in carol.must("members")], [False, False, True])
        bob.must("send", "--msg", "goodbye")  # takes her out first
        alice.must("recv")
        carol.must("sync")
        self.assertFalse(carol.must("groups")[0]["member"])
        self.assertEqual(self.members(alice), {alice.key, bob.key})
        self.assertEqual(alice.texts("received"), ["goodbye"])

    def test_update_and_rename(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.invite_all(alice, [bob])
        before = bob.agreement()
        alice.must("update")
        bob.must("rename", "--name", "club", "--for-everybody")
        alice.must("sync")
        self.assertEqual(alice.agreement(), bob.agreement())
        self.assertNotEqual(alice.agreement(), before)
        self.assertEqual(bob.must("groups")[0]["group"], "club")
        self.assertEqual(alice.must("groups")[0]["group"], "friends")
        self.assertEqual([e["name"] for e in alice.must("recv", "--all") if "name" in e], ["club"])
        self.expect(USAGE, bob.run("rename", "--name", "a\nb"), "control")

    def test_all_change_the_group_at_once(self):
        people = [self.person(f"person{i}") for i in range(MEMBERS)]
        guests = [self.person(f"guest{i}") for i in range(MEMBERS)]
        for guest in guests:
            for _ in range(CHANGES // 4):  # each invitation uses up a KeyPackage
                guest.must("register")
        self.invite_all(people[0], people[1:])

        def live(i):
            for turn in range(CHANGES):
                change = [("update",), ("invite", "--peer-key", guests[i].key), ("update",),
                          ("remove", "--peer-key", guests[i].key)][turn % 4]
                outcome = people[i].run(*change)
                while outcome.code == REFUSED:
                    outcome = people[i].run("sync")
                self.assertEqual(outcome.code, OK, outcome.err)
                people[i].must("send", "--msg", f"{i}.{turn}")

        with concurrent.futures.ThreadPoolExecutor(MEMBERS) as pool:
            list(pool.map(live, range(MEMBERS)))
        for person in people:
            person.must("sync")
        self.assertEqual(len({str(person.agreement()) for person in people}), 1)
        histories = [[entry["text"] for entry in person.must("recv", "--all") if "text" in entry]
                     for person in people]
        for history in histories:
            self.assertEqual(history, histories[0])
        self.assertEqual(len(histories[0]), MEMBERS * CHANGES)
        for person in people:
            self.assertEqual(person.unreadable(), [])
        made = self.server.counted('calls_total{call="append_commit"}')
        lost = self.server.counted("commits_lost_total")
        again = self.server.counted('calls_refused_total{call="append",reason="conflict"}')
        print(f"{MEMBERS} members, {CHANGES} changes each: {made} commits, of which {lost} came "
              f"second and were made again; {again} messages came too late and were encrypted anew")
        self.assertGreaterEqual(made - lost, MEMBERS * CHANGES)

    def test_who_comes_back_with_nothing_missing_loses_nothing(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        self.invite_all(alice, [bob, carol])
        carol.must("rejoin")
        bob.must("send", "--msg", "before")
        alice.must("sync")
        self.expect(REFUSED, carol.run("send", "--msg", "too early"), "Run `sync`")
        carol.must("sync")
        carol.must("send", "--msg", "after")
        self.assertEqual(carol.must("groups")[0]["epoch"], 2)
        for person in (alice, bob):
            person.must("sync")
            self.assertEqual(person.agreement(), carol.agreement())
        for person in (alice, bob, carol):
            self.assertEqual(person.conversation(), ["before", "after"])
        self.assertEqual([entry["kind"] for entry in carol.must("recv", "--all")],
                         ["joined", "received", "removed", "joined", "sent"])

    def test_who_was_away_catches_up(self):
        alice, bob, carol = (self.person(name) for name in ("alice", "bob", "carol"))
        self.invite_all(alice, [bob, carol])
        before = carol.must("groups")[0]["epoch"]
        said = [f"{i}" for i in range(EPOCHS)]
        for speaker in (alice, bob):
            speaker.options = ["--refresh-messages", "1"]  # a change after each message
        for i, text in enumerate(said):
            (alice, bob)[i % 2].must("send", "--msg", text)
        self.assertEqual([entry["text"] for entry in carol.must("recv")], said)
        self.assertEqual(carol.must("groups")[0]["epoch"], before + EPOCHS)
        carol.must("send", "--msg", "I am back")
        for person in (alice, bob):
            person.must("sync")
            self.assertEqual(person.texts("received")[-1], "I am back")
            self.assertEqual(person.agreement(), carol.agreement())


if __name__ == "__main__":
    unittest.main()
