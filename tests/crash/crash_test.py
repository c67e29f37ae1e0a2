#!/usr/bin/env python3
"""Groups under SIGKILL: real servers and clients, killed at random moments of random commands,
until a scenario ends. Then nothing is lost, nothing came twice, and all have one history.

usage: crash_test.py [SEEDS] [FIRST]    QNPC_BIN names the folder of the two programs; a scenario
depends on its seed, the moments of killing also on the machine."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../e2e"))

from world import NOTHING_THERE, OK, REFUSED, UNREACHABLE, USAGE, World  # noqa: E402

STEPS = 25
# Of a command that nobody kills, in seconds: moments of killing lie within a little more.
USUAL_SECONDS = 0.06


class Scenario(World):
    """One seed. `people` stay members; `guests` are invited and removed, join, leave and talk."""

    def play(self, seed):
        self.random = random.Random(seed)
        self.said = {}  # text: whether `send` reported success
        self.killed = self.joined = 0
        self.people = [self.person(name) for name in ("alice", "bob", "carol", "dave")]
        self.guests = [self.person(name) for name in ("erin", "frank")]
        alice, *others = self.people
        alice.must("create-group", "--group-id", "friends")
        alice.must("invite", *self.peers(others))
        for person in others:
            person.must("join")
        for step in range(STEPS):
            self.step(step)
        for _ in range(4):  # what was broken off, by guests too, is in force or void afterwards
            for person in self.people + self.guests:
                person.must("sync")
        self.assert_one_history(self.people, self.said)
        for guest in self.guests:
            self.check_guest(guest)
        self.server.kill()
        self.check_databases()

    @staticmethod
    def peers(people):
        return [word for person in people for word in ("--peer-key", person.key)]

    def step(self, step):
        """Up to three people do something at once; some are killed, sometimes the server is."""
        running = []
        for person in self.random.sample(self.people + self.guests, self.random.randint(1, 3)):
            words, text = self.something(person, step)
            running.append((person.start(*words), words, text))
        started = time.monotonic()
        if self.random.random() < 0.2:
            time.sleep(self.random.uniform(0, USUAL_SECONDS))
            self.server.restart()
            self.killed += 1
        for process, words, text in running:
            if self.random.random() < 0.5:
                self.kill_after(process, started + self.random.uniform(0, 1.5 * USUAL_SECONDS))
            _, err = process.communicate(timeout=120)
            allowed = (OK, -signal.SIGKILL, UNREACHABLE)
            if text is None or text.startswith("guest"):
                # Perhaps it was done before, the KeyPackage was used up by who was killed, or a
                # guest is out.
                allowed += (USAGE, NOTHING_THERE, REFUSED)
            assert process.returncode in allowed, (words, process.returncode, err.decode())
            self.killed += process.returncode == -signal.SIGKILL
            self.joined += words[0] == "join" and process.returncode == OK
            if text is not None and process.returncode == OK:
                self.said[text] = True

    @staticmethod
    def kill_after(process, moment):
        try:
            process.wait(max(0, moment - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)

    def something(self, person, step):
        """A command, and the text that it sends."""
        is_guest = person in self.guests
        if self.random.random() < (0.3 if is_guest else 0.5):
            name = os.path.basename(person.folder)
            text = f"{'guest ' if is_guest else ''}{name} {step}"
            self.said[text] = False
            return ("send", "--msg", text), text
        if is_guest:
            return self.random.choice([("join",), ("join",), ("join",), ("recv",), ("register",),
                                       ("leave",), ("update",)]), None
        guest = self.random.choice(self.guests)
        return self.random.choice([
            ("recv",), ("sync",), ("update",),
            ("rename", "--group-id", "friends", "--name", "friends", "--for-everybody"),
            ("invite", "--peer-key", guest.key), ("invite", "--peer-key", guest.key),
            ("remove", "--peer-key", guest.key)]), None

    def check_guest(self, guest):
        """Whoever the members call one of theirs is one, and has heard things in their order."""
        alice = self.people[0]
        members = {entry["identity_key"] for entry in alice.must("members")}
        inside = [group for group in guest.must("groups") if group["member"]]
        assert (guest.key in members) == bool(inside), (guest.folder, inside)
        if inside:
            assert guest.agreement() == alice.agreement(), guest.folder
        rest = iter(alice.conversation())
        for text in guest.conversation():
            assert text in rest, (guest.folder, text)  # looks only behind the one before
        assert guest.unreadable() == [], (guest.folder, guest.unreadable())

    def check_databases(self):
        server = os.path.join(self.server.folder, "server.db")
        for path in [server] + [person.state for person in self.people]:
            database = sqlite3.connect(path)
            found = database.execute("PRAGMA integrity_check").fetchall()
            assert found == [("ok",)], (path, found)
            database.close()
        database = sqlite3.connect(server)
        twice = database.execute("SELECT owner, epoch FROM log_entry WHERE is_commit"
                                 " GROUP BY owner, epoch HAVING count(*) > 1").fetchall()
        assert twice == [], twice
        self.epochs, = database.execute("SELECT count(*) FROM log_entry WHERE is_commit").fetchone()
        database.close()


def main(seeds=50, first=0):
    killed = epochs = messages = joined = 0
    for seed in range(first, first + seeds):
        scenario = Scenario("play")
        scenario.setUp()
        try:
            scenario.play(seed)
            killed += scenario.killed
            epochs += scenario.epochs
            messages += len(scenario.said)
            joined += scenario.joined
        except BaseException:
            print(f"seed {seed} failed: crash_test.py 1 {seed}")
            raise
        finally:
            scenario.doCleanups()
    print(f"{seeds} scenarios from seed {first} on, {messages} messages, {epochs} commits, "
          f"{joined} times joined, {killed} times killed: "
          "nothing lost, nothing twice, one history each")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
