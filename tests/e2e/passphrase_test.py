#!/usr/bin/env python3
"""The passphrase prompt on a real terminal: nothing typed is echoed, and however the prompt ends,
the terminal shows again what is typed."""

import fcntl
import os
import pty
import signal
import termios
import time
import unittest

from world import LOCAL_FILE, OK, USAGE, Person, World

PROMPT_SECONDS = 60


class Terminal:
    """One command with a terminal of its own."""

    def __init__(self, command):
        self.controller, self.device = pty.openpty()
        self.shown = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.device, termios.TIOCSCTTY, 0)
            for stream in range(3):
                os.dup2(self.device, stream)
            os.execv(command[0], command)

    def echoes(self):
        return bool(termios.tcgetattr(self.device)[3] & termios.ECHO)

    def answer(self, prompt, line):
        """Waits for the prompt, then types."""
        end = time.monotonic() + PROMPT_SECONDS
        while not self.shown.endswith(prompt):
            assert time.monotonic() < end, self.shown
            self.shown += os.read(self.controller, 4096)
        assert not self.echoes()
        os.write(self.controller, line)

    def end(self):
        """The exit code, or the negative number of the signal."""
        os.set_blocking(self.controller, False)
        status = None
        while status is None:  # reads on, so that nobody waits for a full terminal
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            status = status if pid else None
            try:
                self.shown += os.read(self.controller, 4096)
            except BlockingIOError:
                time.sleep(0.01)
        echoes = self.echoes()
        os.close(self.controller)
        os.close(self.device)
        assert echoes, "the terminal was left without echo"
        return os.waitstatus_to_exitcode(status)


class Passphrase(World):
    def terminal(self, person, *arguments):
        return Terminal(person.command(*arguments))

    def registered(self):
        alice = Person(self, "alice")
        terminal = self.terminal(alice, "--ask-passphrase", "register")
        terminal.answer(b"New passphrase for the state: ", b"open sesame\n")
        terminal.answer(b"The same again: ", b"open sesame\n")
        self.assertEqual(terminal.end(), OK)
        self.assertNotIn(b"sesame", terminal.shown)
        return alice

    def test_opens_the_state(self):
        alice = self.registered()
        terminal = self.terminal(alice, "whoami")
        terminal.answer(b"Passphrase: ", b"open sesame\n")
        self.assertEqual(terminal.end(), OK)
        self.assertIn(b"identity_key", terminal.shown)

    def test_a_wrong_one_is_refused(self):
        alice = self.registered()
        terminal = self.terminal(alice, "whoami")
        terminal.answer(b"Passphrase: ", b"open barley\n")
        self.assertEqual(terminal.end(), LOCAL_FILE)
        self.assertIn(b"does not open", terminal.shown)

    def test_two_that_differ_make_no_state(self):
        bob = Person(self, "bob")
        terminal = self.terminal(bob, "--ask-passphrase", "register")
        terminal.answer(b"New passphrase for the state: ", b"one\n")
        terminal.answer(b"The same again: ", b"two\n")
        self.assertEqual(terminal.end(), USAGE)
        self.expect(LOCAL_FILE, bob.run("whoami"), "register")
        bob.must("register")

    def test_an_interrupt_leaves_a_terminal_that_echoes(self):
        alice = self.registered()
        terminal = self.terminal(alice, "whoami")
        terminal.answer(b"Passphrase: ", b"open\x03")
        self.assertEqual(terminal.end(), -signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
