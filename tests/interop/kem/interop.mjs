// Live key encapsulations with other implementations: ML-KEM-768 with @noble/post-quantum, X-Wing
// in HPKE with @hpke/hybridkem-x-wing. Each direction; and what we refuse of theirs.
//
//   node interop.mjs PATH-OF-qnpc-kem-peer
import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Chacha20Poly1305 } from '@hpke/chacha20poly1305';
import { CipherSuite, HkdfSha256 } from '@hpke/core';
import { XWing } from '@hpke/hybridkem-x-wing';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';

const ROUNDS = 20;

const hex = (bytes) => (bytes.length === 0 ? '-' : Buffer.from(bytes).toString('hex'));
const unhex = (word) => new Uint8Array(Buffer.from(word === '-' ? '' : word, 'hex'));

// One answer for each request, in their order.
class Peer {
  constructor(program) {
    this.process = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  async ask(command, ...values) {
    this.process.stdin.write([command, ...values.map(hex)].join(' ') + '\n');
    const { value, done } = await this.lines.next();
    assert(!done, 'qnpc-kem-peer is gone');
    return value;
  }

  async values(...request) {
    const answer = await this.ask(...request);
    assert(!answer.startsWith('refused'), `${request[0]}: ${answer}`);
    return answer.split(' ').map(unhex);
  }
}

async function mlKem(peer) {
  const [publicKey] = await peer.values('mlkem-key');
  const theirs = ml_kem768.encapsulate(publicKey);
  const [secret] = await peer.values('mlkem-decapsulate', theirs.cipherText);
  assert.deepStrictEqual(secret, theirs.sharedSecret, 'encapsulated there, decapsulated here');

  const key = ml_kem768.keygen();
  const [ciphertext, ours] = await peer.values('mlkem-encapsulate', key.publicKey);
  assert.deepStrictEqual(ml_kem768.decapsulate(ciphertext, key.secretKey), ours,
    'encapsulated here, decapsulated there');

  // Both reject a changed ciphertext implicitly, and to the same secret.
  ciphertext[17] ^= 1;
  assert.notDeepStrictEqual(ml_kem768.decapsulate(ciphertext, key.secretKey), ours);
  theirs.cipherText[17] ^= 1;
  const [other] = await peer.values('mlkem-decapsulate', theirs.cipherText);
  assert.notDeepStrictEqual(other, theirs.sharedSecret);

  // A coefficient of q or more is refused by both.
  key.publicKey.fill(0xff, 0, 3);
  assert.throws(() => ml_kem768.encapsulate(key.publicKey));
  assert.strictEqual(await peer.ask('mlkem-encapsulate', key.publicKey), 'refused bad_key');
}

async function xWing(peer) {
  const suite = new CipherSuite({
    kem: new XWing(), kdf: new HkdfSha256(), aead: new Chacha20Poly1305(),
  });
  const [info, aad, plaintext] = [0, 1, 100].map((n) => new Uint8Array(randomBytes(n)));

  // The same key pair of the same input, on both sides.
  const ikm = new Uint8Array(randomBytes(32));
  const [privateKey, publicKey] = await peer.values('xwing-derive', ikm);
  const pair = await suite.kem.deriveKeyPair(ikm);
  assert.deepStrictEqual(new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey)),
    publicKey, 'DeriveKeyPair');
  assert.deepStrictEqual(new Uint8Array(await suite.kem.serializePrivateKey(pair.privateKey)),
    privateKey, 'DeriveKeyPair');

  const sealed = await suite.seal({ recipientPublicKey: pair.publicKey, info }, plaintext, aad);
  const [opened] = await peer.values('xwing-open', privateKey, new Uint8Array(sealed.enc), info,
    aad, new Uint8Array(sealed.ct));
  assert.deepStrictEqual(opened, plaintext, 'sealed there, opened here');

  const [enc, ct] = await peer.values('xwing-seal', publicKey, info, aad, plaintext);
  const there = await suite.open({ recipientKey: pair.privateKey, enc, info }, ct, aad);
  assert.deepStrictEqual(new Uint8Array(there), plaintext, 'sealed here, opened there');

  // Changed in the ML-KEM half, it gives another secret; with a point of low order, none.
  enc[17] ^= 1;
  assert.strictEqual(await peer.ask('xwing-open', privateKey, enc, info, aad, ct),
    'refused decrypt_failed');
  enc.fill(0, 1088);
  assert.strictEqual(await peer.ask('xwing-open', privateKey, enc, info, aad, ct),
    'refused bad_key');
}

const peer = new Peer(process.argv[2]);
for (let i = 0; i < ROUNDS; ++i) {
  await mlKem(peer);
  await xWing(peer);
}
peer.process.stdin.end();
console.log(`ok: ${ROUNDS} rounds of ML-KEM-768 and of X-Wing in HPKE, each direction`);
