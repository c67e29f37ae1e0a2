"""world: real processes for the end-to-end tests. A server that can be killed, and people who each
have a state of their own. QNPC_BIN names the folder of the two programs."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.request

BIN = os.environ.get("QNPC_BIN",
                     os.path.join(os.path.dirname(__file__), "../../build/release/bin"))
COMMAND_SECONDS = 120
ALL_SKIPPED = 77  # SKIP_RETURN_CODE in CMakeLists.txt

# Exit codes, client/exit_code.h.
(OK, FAILURE, USAGE, UNREACHABLE, NOT_AUTHENTIC, NOTHING_THERE, LOCAL_FILE, REFUSED,
 REJECTED) = range(9)


def program(name):
    return os.path.join(BIN, name)


def merged(environment):
    return {**os.environ, **(environment or {})}


def main():
    """Runs the tests of the file, and tells ctest where all of them were skipped."""
    result = unittest.main(exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(ALL_SKIPPED if result.skipped and len(result.skipped) >= result.testsRun else 0)


class Server:
    """One server process; started again it has the same folder, and so the same key."""

    def __init__(self, folder, authentication="127.0.0.1:0", delivery="127.0.0.1:0", options=(),
                 log_level="warn", log=None, prefix=(), environment=None):
        self.folder = folder
        self.options = options
        self.log_level = log_level
        self.prefix = prefix  # a command that runs the server
        self.environment = environment  # beside ours
        self.log = log  # a file for what it writes to standard error; None: where we do
        self.authentication = authentication
        self.delivery = delivery
        self.key = None
        self.address = None  # what it gives to clients, with its key; None: it does not say
        self.metrics = None  # where they are, with --metrics
        self.printed = []
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.prefix, program("quicnprotochat-server"), "--data-dir", self.folder,
             "--log-level", self.log_level, "--listen", self.authentication,
             "--ds-listen", self.delivery, *self.options], env=merged(self.environment),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.printed = []
        for line in self.process.stdout:
            self.printed.append(line.strip())
            name, _, value = line.strip().partition(": ")
            if name == "server key":
                self.key = value
            elif name == "authentication service":
                self.authentication = value
            elif name == "delivery service":
                self.delivery = value
            elif name == "address":
                self.address = value
            elif name == "metrics":
                self.metrics = value
            elif name == "ready":
                return
        raise AssertionError("the server did not start")

    def counted(self, metric):
        """What the server has counted by that name, with its labels if it has any."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10) as page:
            for line in page.read().decode().splitlines():
                name, _, value = line.rpartition(" ")
                if name == "quicnprotochat_" + metric:
                    return int(float(value))
        raise AssertionError(f"the server has no {metric}")

    def admin(self, *arguments):
        """The outcome of an administrator's command."""
        return Outcome(subprocess.run(
            [program("quicnprotochat-server"), "--data-dir", self.folder, "admin", *arguments,
             "--json"], capture_output=True, text=True, timeout=COMMAND_SECONDS))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def restart(self):
        self.kill()
        self.start()

    def stop(self):
        if self.process.poll() is None:
            self.kill()


class Outcome:
    """How a command ended."""

    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def objects(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Person:
    """A client with its state. Commands answer in JSON."""

    def __init__(self, world, name):
        self.world = world
        self.folder = os.path.join(world.folder, name)
        self.state = os.path.join(self.folder, "state.db")
        self.options = []
        self.authentication = None  # where the Authentication Service is, if not at the world's
        self.environment = None  # beside ours
        self.prefix = ()  # a command that runs the client

    def command(self, *arguments):
        server = self.world.server
        authentication = self.authentication or server.authentication
        return [*self.prefix, program("quicnprotochat-client"), "--json", "--state", self.state,
                "--server", authentication,
                *(["--ds-server", server.delivery] if server.delivery else []),
                *self.options, *arguments]

    def run(self, *arguments, stdin=b""):
        process = subprocess.run(self.command(*arguments), input=stdin, capture_output=True,
                                 timeout=COMMAND_SECONDS, env=merged(self.environment))
        process.stdout = process.stdout.decode()
        process.stderr = process.stderr.decode()
        for line in process.stderr.splitlines():
            json.loads(line)  # whatever happens, errors and notes are objects too
        return Outcome(process)

    def must(self, *arguments, stdin=b""):
        """The objects that a command prints which has to succeed."""
        outcome = self.run(*arguments, stdin=stdin)
        assert outcome.code == OK, (arguments, outcome.code, outcome.out, outcome.err)
        return outcome.objects()

    def start(self, *arguments):
        return subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=merged(self.environment))

    def killed_after(self, seconds, *arguments):
        """Starts a command and kills it (SIGKILL) unless it has ended by then."""
        process = self.start(*arguments)
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        return process.returncode

    def register(self, *options):
        self.key = self.must("register", *options)[0]["identity_key"]
        return self.key

    def texts(self, kind):
        """The texts of the history that were sent, or received, oldest first."""
        return [entry["text"] for entry in self.must("recv", "--all")
                if entry["kind"] == kind and "text" in entry]

    def conversation(self):
        """What was said by anybody, in the order of the history."""
        return [entry["text"] for entry in self.must("recv", "--all")
                if entry["kind"] in ("sent", "received") and "text" in entry]

    def unreadable(self):
        return [entry for entry in self.must("recv", "--all") if "unreadable" in entry]

    def agreement(self):
        """What equal members of a group have in common."""
        return {group["group_id"]: group["epoch_authenticator"] for group in self.must("groups")}


class World(unittest.TestCase):
    """A test case with a server and a folder of its own."""

    server_options = ()

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="qnpc-e2e.")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.server = self.make_server(os.path.join(self.folder, "server"))
        self.addCleanup(self.server.stop)

    def make_server(self, folder):
        return Server(folder, options=self.server_options)

    def person(self, name, registered=True):
        person = Person(self, name)
        if registered:
            person.register()
        return person

    def follow(self, person):
        """A `recv --follow`, which ends with the test at the latest."""
        follower = person.start("recv", "--follow")
        for clean in (follower.stdout.close, follower.stderr.close, follower.wait, follower.kill):
            self.addCleanup(clean)  # the last one first
        return follower

    def group_of(self, *people):
        """The first one creates the group "friends" and invites the others, who join."""
        first, *others = people
        first.must("create-group", "--group-id", "friends")
        for person in others:
            first.must("invite", "--peer-key", person.key)
            person.must("join")

    def assert_one_history(self, people, said):
        """`said`: for each text whether `send` reported success. All have the same texts in the
        same order, each once, and all that were reported."""
        for _ in range(3):  # what was broken off is taken up by the next command, whichever
            for person in people:
                person.must("sync")
        histories = [person.conversation() for person in people]
        for person, history in zip(people, histories):
            self.assertEqual(history, histories[0], person.folder)
            self.assertEqual(person.unreadable(), [], person.folder)
        self.assertEqual(len(set(histories[0])), len(histories[0]))
        self.assertLessEqual({text for text, reported in said.items() if reported},
                             set(histories[0]))
        self.assertLessEqual(set(histories[0]), set(said))
        self.assertEqual(len({str(person.agreement()) for person in people}), 1)

    def expect(self, code, outcome, words=""):
        self.assertEqual(outcome.code, code, outcome.err)
        if words:
            self.assertIn(words, outcome.err)
        if code != OK:
            last = json.loads(outcome.err.splitlines()[-1])
            self.assertEqual(last["exit_code"], code)

