#!/usr/bin/env python3
"""The server's disk fills up and is emptied again: a small file system of its own, in a mount
namespace."""

import os
import shutil
import subprocess
import sys
import unittest

from world import OK, Server, World, main

# Runs in the namespace: mounts, starts the server, then fills and frees as it is told. The folder
# is seen by nobody else, so what else lies in it has to be put there from within.
WRAPPER = """
import os, subprocess, sys
folder, size, *command = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", folder], check=True)
server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
filler = os.path.join(folder, "filler")
for line in sys.stdin:
    if line == "fill\\n":
        try:
            with open(filler, "wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
        except OSError:
            pass
    elif line == "free\\n":
        os.remove(filler)
    print("done", flush=True)
server.terminate()
sys.exit(server.wait())
"""


def may_unshare():
    return (shutil.which("unshare") is not None and
            subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0)


@unittest.skipUnless(may_unshare(), "this machine lets us make no mount namespace")
class AFullDisk(World):
    def make_server(self, folder):
        os.mkdir(folder)
        return Server(folder, prefix=("unshare", "-rm", sys.executable, "-c", WRAPPER, folder,
                                      "8m"))

    def tell(self, what):
        self.server.process.stdin.write(what + "\n")
        self.server.process.stdin.flush()
        self.assertEqual(self.server.process.stdout.readline(), "done\n")

    def tearDown(self):
        self.server.process.stdin.close()  # ends the server in good order
        self.server.process.stdout.close()
        self.assertEqual(self.server.process.wait(), 0)
        super().tearDown()

    def test_refuses_writes_answers_reads_and_recovers(self):
        alice, bob = self.person("alice"), self.person("bob")
        self.group_of(alice, bob)
        said = {}
        for round_ in range(3):
            text = f"before {round_}"
            alice.must("send", "--msg", text)
            said[text] = True
            self.tell("fill")
            late = [f"while full {round_}.{i}" for i in range(3)]
            for text in late:
                outcome = alice.run("send", "--msg", text)
                said[text] = outcome.code == OK
                if outcome.code != OK:
                    self.assertIn("full", outcome.err)
            self.assertFalse(said[late[-1]])
            self.assertIn(f"before {round_}", [e.get("text") for e in bob.must("recv")])
            self.tell("free")
            alice.must("sync")
            for text in late:
                said[text] = True  # they waited in the outbox
        self.assert_one_history([alice, bob], said)


if __name__ == "__main__":
    main()
