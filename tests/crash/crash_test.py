#!/usr/bin/env python3
"""Groups under SIGKILL: real servers and clients, killed at random moments of random commands,
until a scenario ends. Then nothing is lost, nothing came twice, and all have one history.

usage: crash_test.py [SEEDS] [FIRST]    QNPC_BIN names the folder of the two programs; a scenario
depends on its seed, the moments of killing also on the machine."""

import collections
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../e2e"))

from world import (LOCAL_FILE, NOTHING_THERE, OK, REFUSED, UNREACHABLE, USAGE,  # noqa: E402
                   Person, World)

STEPS = 25
# When the log expires, where it does; before that somebody is away for a while.
EXPIRY = 15
FRIENDS = ("--group-id", "friends")


class Member(Person):
    """Somebody who may have a circle: a group that they made themselves."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self.register()
        self.name = name
        self.circle = f"of {name}"
        self.circle_is = "missing"  # then "empty", then "open"
        self.shown = set()  # ids of the entries that were printed
        self.history = []

    def printed(self, out):
        for line in out.splitlines():
            with contextlib.suppress(ValueError):  # the last one, of who was killed
                self.shown.add(json.loads(line)["id"])

    def conversation_in(self, group):
        return [entry["text"] for entry in self.history if entry.get("group") == group
                and entry["kind"] in ("sent", "received")]

    def has_gap_in(self, group):
        """One in the log. Where a message of somebody does not come, they may have encrypted it
        anew, who did not know whether it had left."""
        return any(entry["kind"] == "gap" and entry["group"] == group and not entry["sender"]
                   for entry in self.history)

    def agreement_in(self, group):
        return [entry["epoch_authenticator"] for entry in self.must("groups")
                if entry["group"] == group]


class Follower:
    """A `recv --follow` that is killed now and then, and started again."""

    def __init__(self, person):
        self.person = person
        self.path = os.path.join(person.folder, "followed")
        self.start()

    def start(self):
        with open(self.path, "ab") as out:
            self.process = subprocess.Popen(self.person.command("recv", "--follow"), stdout=out,
                                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def stop(self):
        self.process.kill()
        self.process.communicate()

    def kill(self):
        self.process.kill()
        _, err = self.process.communicate()
        # It waits for a server that it has lost, but not for one that it has not found yet.
        assert self.process.returncode in (-signal.SIGKILL, UNREACHABLE), err.decode()
        with open(self.path, "rb") as printed:
            self.person.printed(printed.read())
        return self.process.returncode == -signal.SIGKILL


class Scenario(World):
    """One seed. `people` stay members of "friends"; `guests` are invited and removed, join, leave
    and talk. Seeds differ in what else there is: people who follow, who have circles of their own,
    who ask to come back, and one who is away for longer than the server keeps the log."""

    def play(self, seed):
        self.random = random.Random(seed)
        self.said = collections.defaultdict(dict)  # group: {text: whether `send` reported success}
        self.counts = collections.Counter()
        self.people = [Member(self, name) for name in ("alice", "bob", "carol", "dave")]
        self.guests = [Member(self, name) for name in ("erin", "frank")]
        alice, *others = self.people
        alice.must("create-group", *FRIENDS)
        alice.must("invite", *self.peers(others))
        for person in others:
            person.must("join")
        started = time.monotonic()
        alice.must("sync")
        self.usual_seconds = 2 * (time.monotonic() - started)  # where others run beside it
        self.choose()
        for step in range(STEPS):
            if self.away and step == EXPIRY:
                self.expire()
            self.step(step)
        for follower in self.followers:
            follower.kill()
        self.settle()
        self.check_people()
        for guest in self.guests:
            self.check_guest(guest)
        self.server.kill()
        self.check_databases()

    def choose(self):
        """What there is in this scenario beside friends and guests."""
        some = self.people[1:]
        self.random.shuffle(some)
        self.away = some[0] if self.random.random() < 0.5 else None
        self.returning = some[:self.random.randint(1 if self.away else 0, 2)]
        self.owners = [self.people[0], some[2]] if self.random.random() < 0.5 else []
        following = [self.people[0], some[2]] if self.random.random() < 0.5 else []
        self.followers = [Follower(person) for person in following]
        for follower in self.followers:
            self.addCleanup(follower.stop)

    @staticmethod
    def peers(people):
        return [word for person in people for word in ("--peer-key", person.key)]

    def step(self, step):
        """Up to three people do something at once; some are killed, sometimes the server is."""
        running = []
        present = self.people + self.guests
        if self.away and EXPIRY // 2 <= step < EXPIRY:
            present.remove(self.away)
        for person in self.random.sample(present, self.random.randint(1, 3)):
            words, allowed, ended = self.something(person, step)
            running.append((person, person.start(*words), words, allowed, ended))
        started = time.monotonic()
        if self.random.random() < 0.2:
            time.sleep(self.random.uniform(0, self.usual_seconds))
            self.server.restart()
            self.counts["killed"] += 1
        for person, process, words, allowed, ended in running:
            if self.random.random() < 0.5:
                self.kill_after(process, started + self.random.uniform(0, 1.5 * self.usual_seconds))
            out, err = process.communicate(timeout=120)
            code = process.returncode
            # A follower lets go of the state, but who knows how long its disk takes.
            waited_in_vain = code == LOCAL_FILE and b"is using" in err and self.follows(person)
            assert waited_in_vain or code in (OK, -signal.SIGKILL, UNREACHABLE, *allowed), (
                words, code, err.decode())
            self.counts["killed"] += code == -signal.SIGKILL
            self.counts["joined"] += words[0] == "join" and code == OK
            if words[0] == "recv":
                person.printed(out)
            ended(code)
        for follower in self.followers:
            if self.random.random() < 0.3:
                self.counts["followers killed"] += follower.kill()
                follower.start()

    def follows(self, person):
        return any(follower.person is person for follower in self.followers)

    @staticmethod
    def kill_after(process, moment):
        try:
            process.wait(max(0, moment - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)

    def something(self, person, step):
        """A command, how else it may end, and what to do with its exit code."""
        is_guest = person in self.guests
        # Perhaps it was done before, the KeyPackage was used up by who was killed, a guest is out,
        # or somebody is behind.
        anyhow = (USAGE, NOTHING_THERE, REFUSED)
        if self.owners and not is_guest and self.random.random() < 0.4:
            return self.something_in_circles(person, step)
        if self.random.random() < (0.3 if is_guest else 0.5):
            may_wait = person in self.returning or person is self.away
            allowed = anyhow if is_guest else (REFUSED,) if may_wait else ()
            return self.sending("friends", person, step, allowed)
        if is_guest:
            words = self.random.choice([("join",), ("join",), ("join",), ("recv",), ("register",),
                                        ("leave",), ("update",)])
            return words, anyhow, lambda code: None
        if person in self.returning and self.random.random() < 0.4:
            return ("rejoin", *FRIENDS), anyhow, lambda code: None
        guest = self.random.choice(self.guests)
        words = self.random.choice([
            ("recv",), ("sync",), ("update", *FRIENDS),
            ("rename", *FRIENDS, "--name", "friends", "--for-everybody"),
            ("invite", *FRIENDS, "--peer-key", guest.key),
            ("invite", *FRIENDS, "--peer-key", guest.key),
            ("remove", *FRIENDS, "--peer-key", guest.key)])
        return words, anyhow, lambda code: None

    def sending(self, group, person, step, allowed):
        text = f"{person.name} {step}"
        self.said[group][text] = False

        def ended(code):
            self.said[group][text] = code == OK
        return ("send", "--group-id", group, "--msg", text), allowed, ended

    def something_in_circles(self, person, step):
        """Two have a circle: first it is made, then all others are invited by one commit, and then
        those talk in it who have joined."""
        if person in self.owners and person.circle_is != "open":
            words, following = ("create-group", "--group-id", person.circle), "empty"
            if person.circle_is == "empty":
                others = [other for other in self.people if other is not person]
                words = ("invite", "--group-id", person.circle, *self.peers(others))
                following = "open"

            def ended(code):
                if code in (OK, USAGE):  # now, or before by who was killed
                    person.circle_is = following
            return words, (USAGE,), ended
        if self.random.random() < 0.3:
            return ("join",), (NOTHING_THERE,), lambda code: None
        owner = self.random.choice(self.owners)
        return self.sending(owner.circle, person, step, (NOTHING_THERE,))

    def expire(self):
        """As if the time was over of all that is in the logs: the mark of it is set back. All but
        one have read it."""
        for follower in self.followers:
            follower.kill()
        for _ in range(2):
            for person in self.people + self.guests:
                if person is not self.away:
                    person.must("sync")
        self.server.kill()
        with self.server_database() as database:
            database.execute("INSERT INTO log_mark SELECT 0, max(sequence) FROM log_entry")
            database.commit()
        self.server.start()
        end = time.monotonic() + 60
        with self.server_database() as database:
            while database.execute("SELECT count(*) FROM log_entry").fetchone() != (0,):
                assert time.monotonic() < end
                time.sleep(0.01)
        self.counts["expired"] += 1
        for follower in self.followers:
            follower.start()

    def settle(self):
        """What was broken off, by guests too, is in force or void afterwards."""
        everybody = self.people + self.guests
        for person in everybody:
            person.must("sync")
        if self.away:
            self.away.must("rejoin", *FRIENDS)
        for person in self.people:
            if self.owners:
                outcome = person.run("join")
                assert outcome.code in (OK, NOTHING_THERE), outcome.err
        for _ in range(4):
            for person in everybody:
                person.must("sync")

    def check_people(self):
        for person in self.people + self.guests:
            person.printed(person.run("recv").out.encode())
            person.history = person.must("recv", "--all")
            unreadable = [entry for entry in person.history if "unreadable" in entry]
            assert unreadable == [], (person.folder, unreadable)
            unshown = [entry for entry in person.history
                       if entry["kind"] == "received" and entry["id"] not in person.shown]
            assert unshown == [], (person.folder, unshown)
        self.check_group("friends")
        for person in self.people:
            self.counts["came back"] += sum(entry["kind"] == "joined" and
                                            entry["group"] == "friends"
                                            for entry in person.history[1:])
            if person.circle_is == "open":
                self.check_group(person.circle)
                self.counts["circles"] += 1

    def check_group(self, group):
        """All have the same texts in the same order, each once, and all that were reported; less
        only who is told of a gap."""
        whole = [person for person in self.people if not person.has_gap_in(group)]
        everything = whole[0].conversation_in(group)
        said = self.said[group]
        assert len(set(everything)) == len(everything), everything
        assert {text for text, reported in said.items() if reported} <= set(everything) <= set(said)
        for person in self.people:
            heard = person.conversation_in(group)
            if person in whole:
                assert heard == everything, (person.folder, heard, everything)
            else:
                assert person in self.returning or person is self.away, person.folder
                self.assert_in_order(heard, everything)
                own = {text for text in said if text.startswith(person.name)}
                assert own & set(everything) <= set(heard), (person.folder, heard, everything)
        assert len({str(person.agreement_in(group)) for person in self.people}) == 1, group
        self.counts["messages"] += len(said)

    def assert_in_order(self, some, everything):
        """But for what the server forgot before who was away knew that it had taken it: then it was
        said again, later."""
        rest = iter(everything)
        for text in some:
            is_reported = any(said.get(text) for said in self.said.values())
            if self.away and text.startswith(self.away.name) and not is_reported:
                continue
            assert text in rest, (text, some, everything)  # looks only behind the one before

    def check_guest(self, guest):
        """Whoever the members call one of theirs is one, and has heard things in their order."""
        alice = self.people[0]
        members = {entry["identity_key"] for entry in alice.must("members", *FRIENDS)}
        inside = [group for group in guest.must("groups") if group["member"]]
        assert (guest.key in members) == bool(inside), (guest.folder, inside)
        if inside:
            assert guest.agreement_in("friends") == alice.agreement_in("friends"), guest.folder
        self.assert_in_order(guest.conversation_in("friends"),
                             alice.conversation_in("friends"))

    def server_database(self):
        return contextlib.closing(sqlite3.connect(os.path.join(self.server.folder, "server.db")))

    def check_databases(self):
        everybody = self.people + self.guests
        server = os.path.join(self.server.folder, "server.db")
        for path in [server] + [person.state for person in everybody]:
            with contextlib.closing(sqlite3.connect(path)) as database:
                found = database.execute("PRAGMA integrity_check").fetchall()
            assert found == [("ok",)], (path, found)
        with self.server_database() as database:
            twice = database.execute("SELECT owner, epoch FROM log_entry WHERE is_commit"
                                     " GROUP BY owner, epoch HAVING count(*) > 1").fetchall()
            assert twice == [], twice
            self.counts["commits"] += database.execute(
                "SELECT count(*) FROM log_entry WHERE is_commit").fetchone()[0]


def main(seeds=50, first=0):
    counts = collections.Counter()
    for seed in range(first, first + seeds):
        scenario = Scenario("play")
        scenario.setUp()
        try:
            scenario.play(seed)
            counts += scenario.counts
        except BaseException:
            print(f"seed {seed} failed: crash_test.py 1 {seed}")
            raise
        finally:
            scenario.doCleanups()
    print(f"{seeds} scenarios from seed {first} on:",
          ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    print("nothing lost, nothing twice, one history each")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
