#!/usr/bin/env python3
"""Groups that ask for certificates of an organisation's CA."""

import os
import subprocess
import unittest

from world import LOCAL_FILE, REFUSED, REJECTED, USAGE, World


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Ca:
    """A certification authority, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        os.mkdir(folder)
        self.key = os.path.join(folder, "ca.key")
        self.certificate = os.path.join(folder, "ca.pem")
        self.make_key(self.key)
        openssl("req", "-x509", "-key", self.key, "-out", self.certificate, "-days", "30",
                "-subj", "/CN=Example CA", "-addext", "keyUsage=critical,keyCertSign")

    @staticmethod
    def make_key(path):
        openssl("genpkey", "-algorithm", "ed25519", "-out", path)
        os.chmod(path, 0o600)

    def issue(self, name, key, days="10"):
        """The path of a certificate for the key in that file."""
        request = os.path.join(self.folder, name + ".csr")
        out = os.path.join(self.folder, name + ".pem")
        extensions = os.path.join(self.folder, "extensions")
        with open(extensions, "w", encoding="utf-8") as file:
            file.write("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n")
        openssl("req", "-new", "-key", key, "-out", request, "-subj", f"/O=Example/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", out)
        return out


class Certificates(World):
    def setUp(self):
        super().setUp()
        self.ca = Ca(os.path.join(self.folder, "ca"))
        self.other = Ca(os.path.join(self.folder, "other"))

    def certified(self, name, ca=None):
        person = self.person(name, registered=False)
        person.certificate_key = os.path.join(self.folder, name + ".key")
        Ca.make_key(person.certificate_key)
        person.certificate = (ca or self.ca).issue(name, person.certificate_key)
        person.register("--cert", person.certificate, "--key", person.certificate_key)
        return person

    def create(self, person):
        person.must("create-group", "--group-id", "staff", "--ca", self.ca.certificate)

    def test_members_with_certificates_talk(self):
        alice, bob = self.certified("alice"), self.certified("bob")
        self.create(alice)
        alice.must("invite", "--peer-key", bob.key)
        bob.must("join", "--ca", self.ca.certificate)
        alice.must("send", "--msg", "hello")
        self.assertEqual(bob.texts("received"), ["hello"])
        self.assertEqual([m["certificate"] for m in bob.must("members")],
                         ["CN=alice,O=Example", "CN=bob,O=Example"])
        self.assertTrue(bob.must("groups")[0]["certified"])

    def test_who_has_none_or_another_is_not_invited(self):
        alice, mallory, bob = (self.certified("alice"), self.certified("mallory", self.other),
                               self.person("bob"))
        self.create(alice)
        self.expect(REJECTED, alice.run("invite", "--peer-key", mallory.key),
                    "leads to nobody whom we trust")
        self.expect(REJECTED, alice.run("invite", "--peer-key", bob.key), "this one has none")
        self.assertEqual(len(alice.must("members")), 1)
        self.expect(USAGE, bob.run("create-group", "--group-id", "x", "--ca",
                                   self.ca.certificate), "register --cert")

    def test_a_group_with_a_member_who_has_none_is_not_joined(self):
        alice, bob, carol = self.person("alice"), self.certified("bob"), self.certified("carol")
        alice.must("create-group", "--group-id", "staff")
        alice.must("invite", "--peer-key", bob.key, "--peer-key", carol.key)
        refused = bob.run("join", "--ca", self.ca.certificate)
        self.expect(REJECTED, refused, f"not joined: staff: the certificate of the member "
                                       f"{alice.key[:8]} will not do")
        self.assertFalse(bob.must("groups")[0]["accepted"])
        carol.must("join")  # does not ask

    def test_a_commit_that_adds_who_has_none_is_not_followed(self):
        alice, bob, carol = self.certified("alice"), self.certified("bob"), self.person("carol")
        self.create(alice)
        alice.must("invite", "--peer-key", bob.key)
        bob.must("join")  # without asking for what Alice asks for
        bob.must("invite", "--peer-key", carol.key)
        alice.must("sync")
        self.assertIn("this one has none", alice.unreadable()[0]["unreadable"])

    def test_a_certificate_comes_into_a_group_with_the_next_commit(self):
        alice, bob = self.certified("alice"), self.certified("bob")
        self.create(alice)
        alice.must("invite", "--peer-key", bob.key)
        bob.must("join", "--ca", self.ca.certificate)
        renewed = self.ca.issue("robert", bob.certificate_key)
        bob.must("register", "--cert", renewed)
        bob.must("sync")
        alice.must("sync")
        self.assertEqual(alice.must("members")[1]["certificate"], "CN=robert,O=Example")

    def test_another_key_with_the_name_of_a_verified_contact_is_shown_and_blocks_sending(self):
        alice, bob = self.certified("alice"), self.certified("bob")
        self.create(alice)
        alice.must("invite", "--peer-key", bob.key)
        bob.must("join", "--ca", self.ca.certificate)
        alice.must("contacts", "add", "bob", bob.key)
        alice.must("verify", "bob", "--confirm")
        alice.must("remove", "--peer-key", "bob")
        # The CA, or who has its key, certifies somebody else as Bob.
        os.rename(bob.folder, bob.folder + ".old")
        rival = self.certified("bob")
        alice.must("invite", "--peer-key", rival.key)
        self.assertNotEqual(rival.key, bob.key)
        self.expect(REFUSED, alice.run("send", "--msg", "x"), "`verify 'bob'` shows")
        entry = [e for e in alice.must("recv") if e["kind"] == "key_changed"][0]
        self.assertEqual((entry["sender"], entry["former_key"]), (rival.key, bob.key))
        alice.must("contacts", "replace", "bob", rival.key)
        self.expect(REFUSED, alice.run("send", "--msg", "x"), "nothing was sent to staff")
        alice.must("verify", "bob", "--confirm")
        alice.must("send", "--msg", "settled")
        # The CA's word for somebody whom nobody has verified is just that.
        carol = self.certified("carol")
        alice.must("contacts", "add", "carol", carol.key)
        alice.must("invite", "--peer-key", "carol")
        os.rename(carol.folder, carol.folder + ".old")
        another = self.certified("carol")
        alice.must("invite", "--peer-key", another.key)
        alice.must("send", "--msg", "fine")

    def test_what_is_no_certificate_for_the_identity_is_refused(self):
        alice, bob = self.certified("alice"), self.person("bob")
        self.expect(USAGE, bob.run("register", "--cert", alice.certificate),
                    "not for your identity key")
        self.expect(USAGE, bob.run("register", "--cert", alice.certificate, "--key",
                                   alice.certificate_key), "another identity")
        self.expect(USAGE, bob.run("register", "--cert", alice.certificate_key), "no certificate")
        os.chmod(alice.certificate, 0o600)
        self.expect(USAGE, bob.run("register", "--key", alice.certificate), "no Ed25519 key")
        self.expect(LOCAL_FILE, bob.run("register", "--cert", "/nonexistent"), "does not exist")
        os.chmod(alice.certificate_key, 0o644)
        self.expect(LOCAL_FILE, bob.run("register", "--key", alice.certificate_key), "chmod 600")


if __name__ == "__main__":
    unittest.main()
