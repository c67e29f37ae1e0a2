#!/usr/bin/env python3
"""State files that are in use, damaged, foreign or locked, and servers that are not who they were:
each is told clearly, with the documented exit code, and nothing is changed."""

import json
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import threading
import time
import unittest

from world import LOCAL_FILE, NOT_AUTHENTIC, OK, USAGE, Person, Server, World, program


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class StateFiles(World):
    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, 0o600)
        return path

    def test_everything_is_private(self):
        alice = self.person("alice")
        self.assertEqual(mode(alice.folder), 0o700)
        for name in os.listdir(alice.folder):
            self.assertEqual(mode(os.path.join(alice.folder, name)), 0o600, name)

    def test_register_restart_join(self):
        bob = self.person("bob")
        alice = self.person("alice")
        alice.must("create-group", "--group-id", "friends")
        alice.must("invite", "--peer-key", bob.key)
        self.server.restart()
        self.assertEqual(bob.must("join")[0]["group"], "friends")
        self.assertEqual(bob.must("register-state")[0]["identity_key"], bob.key)

    def test_missing(self):
        nobody = Person(self, "nobody")
        for command in (["whoami"], ["groups"], ["recv"], ["send", "--msg", "x"], ["join"]):
            self.expect(LOCAL_FILE, nobody.run(*command), "register")
        self.assertFalse(os.path.exists(nobody.folder))

    def test_damaged_or_foreign(self):
        alice = self.person("alice")
        alice.state = self.write("garbage", b"no database at all, but long enough" * 100)
        self.expect(LOCAL_FILE, alice.run("whoami"), "not a state file")
        foreign = os.path.join(self.folder, "foreign.db")
        with sqlite3.connect(foreign) as database:
            database.execute("CREATE TABLE things (x)")
        database.close()
        alice.state = foreign
        self.expect(LOCAL_FILE, alice.run("register"), "another program")

    def test_altered_page(self):
        alice = self.person("alice")
        with sqlite3.connect(alice.state) as database:
            database.execute("UPDATE meta SET value = randomblob(length(value)) "
                             "WHERE name = 'identity'")
        database.close()
        self.expect(LOCAL_FILE, alice.run("whoami"))

    def test_truncated(self):
        alice = self.person("alice")
        with open(alice.state, "r+b") as file:
            file.truncate(5000)
        self.expect(LOCAL_FILE, alice.run("whoami"))

    def test_newer_version(self):
        alice = self.person("alice")
        with sqlite3.connect(alice.state) as database:
            database.execute("PRAGMA user_version = 99")
        database.close()
        self.expect(LOCAL_FILE, alice.run("whoami"), "newer")

    def test_key_file(self):
        alice = self.person("alice")
        key = alice.state + ".key"
        os.chmod(key, 0o644)
        self.expect(LOCAL_FILE, alice.run("whoami"), "chmod 600")
        os.chmod(key, 0o600)
        moved = os.path.join(self.folder, "moved.key")
        shutil.move(key, moved)
        self.expect(LOCAL_FILE, alice.run("whoami"), "--key-file")
        alice.options = ["--key-file", moved]
        alice.must("whoami")
        alice.options = ["--key-file", self.write("other.key", b"k" * 32)]
        self.expect(LOCAL_FILE, alice.run("whoami"), "does not fit")

    def test_passphrase(self):
        alice = self.person("alice", registered=False)
        alice.options = ["--passphrase-file", self.write("right", b"correct horse\n")]
        alice.register()
        self.assertFalse(os.path.exists(alice.state + ".key"))
        self.assertEqual(alice.must("whoami")[0]["identity_key"], alice.key)
        alice.options = ["--passphrase-file", self.write("wrong", b"battery staple\n")]
        self.expect(LOCAL_FILE, alice.run("whoami"), "passphrase")
        alice.options = []
        process = subprocess.run(["setsid", *alice.command("whoami")], stdin=subprocess.DEVNULL,
                                 capture_output=True)  # setsid: no terminal to ask on
        self.assertEqual(process.returncode, USAGE)
        self.assertIn(b"--passphrase-file", process.stderr)

    def test_two_processes_on_one_state(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        sending = [alice.start("send", "--msg", f"{i}") for i in range(4)]
        for process in sending:
            _, error = process.communicate()
            self.assertEqual(process.returncode, OK, error)
        bob.must("recv")
        self.assertEqual(sorted(bob.texts("received")), ["0", "1", "2", "3"])
        holder = sqlite3.connect(alice.state, isolation_level=None)
        self.addCleanup(holder.close)
        holder.execute("BEGIN IMMEDIATE")
        self.expect(LOCAL_FILE, alice.run("whoami"), "another quicnprotochat-client")

    def test_who_follows_waits_for_another_command(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        follower = self.follow(bob)
        alice.must("send", "--msg", "first")
        while json.loads(follower.stdout.readline()).get("text") != "first":
            pass
        other = None
        while other is None:  # as long as a call that a slow server answers
            try:
                other = sqlite3.connect(bob.state, timeout=0.02)
                other.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                other = None
        time.sleep(6)
        other.close()
        alice.must("send", "--msg", "second")
        while json.loads(follower.stdout.readline()).get("text") != "second":
            pass

    def test_read_only_folder(self):
        if os.geteuid() == 0:
            self.skipTest("root may write anywhere")
        alice = self.person("alice", registered=False)
        os.mkdir(alice.folder, 0o500)
        self.expect(LOCAL_FILE, alice.run("register"), "cannot create")


class ServerKeys(World):
    def other_server(self):
        """Another server on the ports of the first, which ends."""
        first = self.server
        first.kill()
        self.server = Server(os.path.join(self.folder, "other-server"), first.authentication,
                             first.delivery)
        self.addCleanup(self.server.stop)
        return first.key, self.server.key

    def test_changed_key_stops_everything(self):
        alice = self.person("alice")
        alice.must("ping")
        old, new = self.other_server()
        for command in (["ping"], ["register"], ["recv"], ["fetch-key", alice.key]):
            outcome = alice.run(*command)
            self.expect(NOT_AUTHENTIC, outcome, old)
            self.expect(NOT_AUTHENTIC, outcome, new)
            self.expect(NOT_AUTHENTIC, outcome, "trust-server")
        alice.must("trust-server", "--server-key", new)
        self.assertEqual({s["trust"] for s in alice.must("ping")}, {"pinned"})

    def test_given_key(self):
        nobody = Person(self, "nobody")
        nobody.options = ["--server-key", self.server.key]
        self.assertEqual({s["trust"] for s in nobody.must("ping")}, {"given"})
        nobody.options = ["--server-key", "00" * 32]
        self.expect(NOT_AUTHENTIC, nobody.run("ping"), self.server.key)
        nobody.options = ["--server-key", "nonsense"]
        self.expect(USAGE, nobody.run("ping"), "--print-key")

    def test_first_use_is_told(self):
        outcome = Person(self, "alice").run("register")
        self.assertIn("first contact", outcome.err)
        self.assertIn(self.server.key, outcome.err)

    def test_somebody_else_answers(self):
        """A web server, or nobody who speaks Noise."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(64)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        process = subprocess.run(
            [program("quicnprotochat-client"), "--state", os.path.join(self.folder, "none"),
             "--server", f"127.0.0.1:{listener.getsockname()[1]}", "ping"], capture_output=True)
        self.assertEqual(process.returncode, NOT_AUTHENTIC, process.stderr)
        self.assertIn(b"not as a quicnprotochat server", process.stderr)


if __name__ == "__main__":
    unittest.main()
