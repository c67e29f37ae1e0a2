#!/usr/bin/env python3
"""Whom a server admits, and what its operator says to it while it runs."""

import os
import stat
import subprocess
import unittest

from world import OK, REFUSED, USAGE, Server, World, program


class Admits(World):
    def invitation(self, *options):
        outcome = self.server.admin("invite", *options)
        self.assertEqual(outcome.code, OK, outcome.err)
        path = os.path.join(self.folder, "invitation")
        with open(path, "w", encoding="utf-8") as file:
            file.write(outcome.objects()[0]["invitation"] + "\n")
        return path

    def converse(self, alice, bob):
        self.group_of(alice, bob)
        alice.must("send", "--msg", "hello")
        self.assertEqual([e["text"] for e in bob.must("recv")], ["hello"])


class Everybody(Admits):
    def test_says_so(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.converse(alice, bob)
        for service in alice.must("ping"):
            self.assertEqual(service["client_version"], service["version"])  # one build
            self.assertEqual((service["registration"], service["open_calls"]), ("open", False))

    def test_but_not_whom_the_operator_removed(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.converse(alice, bob)
        follower = self.follow(bob)
        alice.must("send", "--msg", "before")
        self.assertIn(b"before", follower.stdout.readline())
        self.assertEqual(self.server.admin("remove", bob.key).code, OK)
        self.assertIn(b"removed", follower.stderr.read())  # it ends by itself
        self.assertEqual(follower.wait(), REFUSED)
        self.expect(REFUSED, bob.run("sync"), "removed")
        self.assertEqual(self.server.admin("add", bob.key).code, OK)
        bob.must("sync")

    def test_who_has_never_registered_may_look(self):
        bob = self.person("bob")
        stranger = self.person("stranger", registered=False)
        self.assertEqual(stranger.must("fetch-key", bob.key)[0]["identity_key"], bob.key)


class ByInvitation(Admits):
    server_options = ("--registration", "invitation")

    def test_needs_an_invitation_once(self):
        alice = self.person("alice", registered=False)
        self.expect(REFUSED, alice.run("register"), "invitation")
        path = self.invitation("--uses", "2")
        alice.register("--invitation-file", path)
        alice.must("register")
        bob = self.person("bob", registered=False)
        bob.register("--invitation-file", path)
        carol = self.person("carol", registered=False)
        self.expect(REFUSED, carol.run("register", "--invitation-file", path), "used up")
        self.converse(alice, bob)
        self.assertEqual({m["identity_key"] for m in self.server.admin("members").objects()},
                         {alice.key, bob.key})

    def test_survives_a_restart(self):
        path = self.invitation()
        alice = self.person("alice", registered=False)
        alice.register("--invitation-file", path)
        self.server.restart()
        alice.must("sync")
        self.assertEqual(self.server.admin("invitations").objects()[0]["used"], 1)

    def test_is_revoked(self):
        path = self.invitation()
        listed = self.server.admin("invitations").objects()
        self.assertEqual([(i["uses"], i["used"]) for i in listed], [(1, 0)])
        self.assertEqual(self.server.admin("revoke", listed[0]["id"][:12]).code, OK)
        again = self.server.admin("revoke", listed[0]["id"])
        self.assertEqual(again.code, 1)
        self.assertIn("`admin invitations` lists them", again.err)
        alice = self.person("alice", registered=False)
        self.expect(REFUSED, alice.run("register", "--invitation-file", path), "no such invitation")

    def test_file_is_checked(self):
        alice = self.person("alice", registered=False)
        path = os.path.join(self.folder, "note")
        with open(path, "w", encoding="utf-8") as file:
            file.write("see you there\n")
        self.expect(USAGE, alice.run("register", "--invitation-file", path), "64 hexadecimal")


class OnlyTheNamed(Admits):
    server_options = ("--registration", "closed")

    def test_admits_who_was_added_until_removed(self):
        alice = self.person("alice", registered=False)
        self.expect(REFUSED, alice.run("register"), "its operator has named")
        key = alice.must("whoami")[0]["identity_key"]
        self.assertEqual(self.server.admin("add", key).code, OK)
        alice.must("register")
        self.assertEqual(self.server.admin("remove", key[:7]).code, 2)
        unknown = self.server.admin("remove", "00" * 4 if key[:8] != "00" * 4 else "11" * 4)
        self.assertEqual(unknown.code, 1)
        self.assertIn("`admin members` lists them", unknown.err)
        self.assertEqual(self.server.admin("remove", key[:8]).code, OK)
        self.expect(REFUSED, alice.run("register"), key)


class Administration(World):
    def test_the_socket_is_its_owners(self):
        mode = os.stat(os.path.join(self.server.folder, "admin.sock")).st_mode
        self.assertEqual(stat.S_IMODE(mode) & 0o077, 0)

    def test_tells_when_no_server_runs(self):
        self.server.kill()
        outcome = self.server.admin("members")
        self.assertEqual(outcome.code, 1)
        self.assertIn("no server answers", outcome.err)

    def test_refuses_what_is_no_key(self):
        self.assertEqual(self.server.admin("add", "12").code, 2)
        self.assertEqual(self.server.admin("frobnicate").code, 2)


class WithoutLogins(Admits):
    def make_server(self, folder):
        return Server(folder, options=("--open",), log_level="off")

    def test_says_so_and_works_the_same(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.converse(alice, bob)
        self.assertTrue(all(service["open_calls"] for service in alice.must("ping")))

    def test_says_so_whatever_its_log_leaves_out(self):
        said = "open calls: anybody may empty any inbox and take any KeyPackage"
        self.assertIn(said, self.server.printed)

    def test_says_so_in_its_log(self):
        path = os.path.join(self.folder, "log")
        self.server.log_level = "warn"
        with open(path, "w", encoding="utf-8") as self.server.log:
            self.server.restart()
        with open(path, encoding="utf-8") as log:
            self.assertIn("open_calls", log.read())


class Memory(Admits):
    """Whom the kernel lets read the memory of the programs. All files in /proc are root's where
    root runs them: then somebody else does."""

    OTHER = 65534
    prefix = ()

    def make_server(self, folder):
        if os.geteuid() == 0:
            user = str(self.OTHER)
            self.prefix = ("setpriv", "--reuid", user, "--regid", user, "--clear-groups")
            os.chown(self.folder, self.OTHER, self.OTHER)
            for name in ("quicnprotochat-server", "quicnprotochat-client"):
                if subprocess.run([*self.prefix, "test", "-x", program(name)]).returncode != 0:
                    self.skipTest("nobody but root can run the programs")
        return Server(folder, prefix=self.prefix)

    def person(self, name, registered=True):
        person = super().person(name, registered=False)
        person.prefix = self.prefix
        if registered:
            person.register()
        return person

    def assert_private(self, process):
        folder = f"/proc/{process.pid}"
        with open(f"{folder}/limits", encoding="ascii") as file:
            core, = (line.split() for line in file if line.startswith("Max core file size"))
        self.assertEqual(core[4:6], ["0", "0"])
        self.assertNotEqual(os.stat(folder).st_uid, 0)
        # The kernel takes from its owner what is not dumpable.
        self.assertNotEqual(os.stat(f"{folder}/mem").st_uid, os.stat(folder).st_uid)

    def test_is_nobodys(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.converse(alice, bob)
        follower = self.follow(bob)
        alice.must("send", "--msg", "are you there?")
        self.assertIn(b"there", follower.stdout.readline())
        for process in (follower, self.server.process):
            with self.subTest(process.args):
                self.assert_private(process)


if __name__ == "__main__":
    unittest.main()
