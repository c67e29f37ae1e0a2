#!/usr/bin/env python3
"""Groups over a network that delays, loses answers and cuts connections: nothing is lost, nothing
comes twice. QNPC_SEED repeats a run; QNPC_ROUNDS makes it longer."""

import os
import random
import socket
import threading
import time
import unittest

from world import OK, UNREACHABLE, World

ROUNDS = int(os.environ.get("QNPC_ROUNDS", "60"))
SEED = os.environ.get("QNPC_SEED", str(random.randrange(1 << 32)))
# A command exchanges some kilobytes each way, the handshake included.
CUT_WITHIN_BYTES = 6000
LONGEST_DELAY = 0.02
NEVER = 1 << 60
STEP = 40  # bytes: less than any message on the network has


class BadNetwork:
    """A proxy of one address. Each connection is cut after a number of bytes, or never; what comes
    is delayed now and then. Cutting loses what is on its way in both directions."""

    def __init__(self, target, seed):
        self.target = target
        self.random = random.Random(seed)
        self.cuts = 0
        self.forwarded = 0
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            host, port = self.target.rsplit(":", 1)
            server = socket.create_connection((host, int(port)))
            self.sockets += [client, server]
            budget = [self.budget()]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self.forward, args=(one, other, budget),
                                 daemon=True).start()

    def budget(self):
        """After how many bytes a new connection is cut."""
        return self.random.randrange(CUT_WITHIN_BYTES) if self.random.random() < 0.5 else NEVER

    def forward(self, source, sink, budget):
        try:
            while data := source.recv(1 + self.random.randrange(4096)):
                if self.random.random() < 0.1:
                    time.sleep(self.random.uniform(0, LONGEST_DELAY))
                budget[0] -= len(data)
                self.forwarded += len(data)
                if budget[0] < 0:
                    self.cuts += 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for each in [self.listener] + self.sockets:
            each.close()


class CutNetwork(BadNetwork):
    """Each connection is cut after `limit` bytes."""
    limit = NEVER

    def budget(self):
        return self.limit


class Network(World):
    def test_who_sends_is_told_that_the_message_is_kept(self):
        """However late the connection is lost: who is told nothing may send it again."""
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        good = self.server.delivery
        network = CutNetwork(good, SEED)
        self.addCleanup(network.close)

        def send(text, limit):
            network.limit = limit
            self.server.delivery = network.address
            outcome = alice.run("send", "--msg", text)
            self.server.delivery = good
            alice.must("sync")
            return outcome

        self.expect(OK, send("undisturbed", NEVER))
        kept = 0
        for limit in range(network.forwarded, 0, -STEP):
            outcome = send(f"{limit}", limit)
            if outcome.code == OK:
                continue
            self.expect(UNREACHABLE, outcome)
            is_kept = alice.texts("sent").count(f"{limit}")
            self.assertEqual("do not send it again" in outcome.err, is_kept == 1, outcome.err)
            if not is_kept:
                break
            kept += 1
        self.assertGreater(kept, 0)
        self.assertEqual(alice.texts("sent"), bob.texts("received"))

    def test_conversation_over_a_bad_network(self):
        print(f"QNPC_SEED={SEED} QNPC_ROUNDS={ROUNDS}")
        chance = random.Random(SEED)
        people = [self.person(name) for name in ("alice", "bob", "carol")]
        self.group_of(*people)
        good = self.server.delivery
        network = BadNetwork(good, SEED)
        self.addCleanup(network.close)
        self.server.delivery = network.address
        said = {}
        for i in range(ROUNDS):
            person = chance.choice(people)
            text = f"{i}"
            words = chance.choice([("send", "--msg", text)] * 4 + [("recv",), ("update",)])
            outcome = person.run(*words)
            self.assertIn(outcome.code, (OK, UNREACHABLE), outcome.err)
            if words[0] == "send":
                said[text] = outcome.code == OK
        self.server.delivery = good
        self.assertGreater(network.cuts, ROUNDS / 10)
        self.assertTrue(any(said.values()))
        self.assert_one_history(people, said)


if __name__ == "__main__":
    unittest.main()
