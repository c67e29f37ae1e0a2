#!/usr/bin/env python3
"""Programs killed (SIGKILL) at random moments of what they do: nothing is lost, nothing comes
twice, and members agree afterwards. QNPC_SEED repeats a run; QNPC_ROUNDS makes it longer."""

import os
import random
import signal
import subprocess
import time
import unittest

from world import NOTHING_THERE, OK, UNREACHABLE, USAGE, World

ROUNDS = int(os.environ.get("QNPC_ROUNDS", "25"))
SEED = os.environ.get("QNPC_SEED", str(random.randrange(1 << 32)))


class Crash(World):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        print(f"QNPC_SEED={SEED} QNPC_ROUNDS={ROUNDS}", self.id())
        self.alice, self.bob = self.person("alice"), self.person("bob")
        self.group_of(self.alice, self.bob)

    def moment(self):
        """When to kill, in seconds: mostly before the command would have ended."""
        return self.random.uniform(0, self.usual_seconds * 1.2)

    def measure(self, person, *arguments):
        """How long an undisturbed command takes here decides."""
        start = time.monotonic()
        person.must(*arguments)
        self.usual_seconds = time.monotonic() - start

    def assert_nothing_lost_or_repeated(self, sender, *receivers):
        """What the sender's history says was sent is what each receiver holds, in that order."""
        sender.must("recv")  # delivers what a killed command left in the outbox
        sent = sender.texts("sent")
        for receiver in receivers:
            receiver.must("recv")
            self.assertEqual(receiver.texts("received"), sent)
            self.assertEqual(receiver.unreadable(), [])
        return sent

    def test_send_killed(self):
        self.measure(self.alice, "send", "--msg", "undisturbed")
        finished = 0
        for i in range(ROUNDS):
            finished += self.alice.killed_after(self.moment(), "send", "--msg", f"{i}") == OK
        sent = self.assert_nothing_lost_or_repeated(self.alice, self.bob)
        self.assertEqual(len(set(sent)), len(sent))
        self.assertGreaterEqual(len(sent), finished + 1)

    def test_recv_killed(self):
        self.measure(self.bob, "recv")
        for i in range(ROUNDS):
            self.alice.must("send", "--msg", f"{i}")
            self.bob.killed_after(self.moment(), "recv")
        self.assert_nothing_lost_or_repeated(self.alice, self.bob)

    def test_server_killed_while_they_talk(self):
        self.measure(self.alice, "send", "--msg", "undisturbed")
        for i in range(ROUNDS):
            sending = self.alice.start("send", "--msg", f"{i}")
            receiving = self.bob.start("recv")
            try:
                sending.wait(self.moment())
            except subprocess.TimeoutExpired:
                pass
            self.server.kill()
            for process in (sending, receiving):
                process.communicate()
                self.assertIn(process.returncode, (OK, UNREACHABLE))
            self.server.start()
        self.assert_nothing_lost_or_repeated(self.alice, self.bob)

    def test_everybody_killed(self):
        self.measure(self.alice, "send", "--msg", "undisturbed")
        for i in range(ROUNDS):
            running = [self.alice.start("send", "--msg", f"{i}"), self.bob.start("recv")]
            try:
                running[0].wait(self.moment())
            except subprocess.TimeoutExpired:
                pass
            for process in running:
                process.send_signal(signal.SIGKILL)
                process.communicate()
            self.server.restart()
        self.assert_nothing_lost_or_repeated(self.alice, self.bob)

    def test_invite_and_join_killed(self):
        people = [self.alice, self.bob]
        for i in range(max(3, ROUNDS // 5)):
            guest = self.person(f"guest{i}")
            self.measure(self.alice, "recv")
            self.usual_seconds *= 2
            self.alice.killed_after(self.moment(), "invite", "--peer-key", guest.key)
            self.invite_at_last(guest)
            guest.killed_after(self.moment(), "join")
            outcome = guest.run("join")
            self.assertIn(outcome.code, (OK, NOTHING_THERE), outcome.err)  # joined before the kill
            people.append(guest)
            guest.must("send", "--msg", f"I am guest {i}")
        for person in people:
            person.must("recv")
        self.assertEqual(len({str(person.agreement()) for person in people}), 1)
        for person in people:
            self.assertEqual(person.unreadable(), [])
        self.assertEqual(len(self.alice.texts("received")), len(people) - 2)

    def invite_at_last(self, guest):
        """Until the guest is a member. A killed invite may have used up a KeyPackage."""
        for _ in range(3):
            outcome = self.alice.run("invite", "--peer-key", guest.key)
            if outcome.code in (OK, USAGE):  # invited now, or a member already
                return
            self.assertEqual(outcome.code, NOTHING_THERE, outcome.err)
            guest.must("register")
        self.fail("the guest could not be invited")


if __name__ == "__main__":
    unittest.main()
