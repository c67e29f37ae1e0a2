// Live handshakes between qnpc-noise-peer and rweather/noise-c, in both roles, with messages both
// ways, equal handshake hashes and the static keys that each side saw.
//
//   node interop.js PATH-OF-qnpc-noise-peer
'use strict';

const assert = require('assert');
const { randomBytes } = require('crypto');
const { spawn } = require('child_process');
const createNoise = require('@richardhopton/noise-c.wasm');

const PROTOCOL = 'Noise_XX_25519_ChaChaPoly_SHA256';
const MESSAGE_SIZES = [1, 100, 1024, 32768, 65519];
const NOTHING = new Uint8Array(0);

// The peer's frames: 2 bytes of length, big-endian, and so many bytes.
class Peer {
  constructor(program, role) {
    this.process = spawn(program, [role], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.exit = new Promise((resolve) => this.process.on('exit', resolve));
    this.chunks = this.process.stdout[Symbol.asyncIterator]();
    this.held = Buffer.alloc(0);
  }

  send(message) {
    const header = Buffer.alloc(2);
    header.writeUInt16BE(message.length);
    this.process.stdin.write(Buffer.concat([header, message]));
  }

  async receive() {
    const length = (await this.take(2)).readUInt16BE();
    return this.take(length);
  }

  async take(size) {
    while (this.held.length < size) {
      const { value, done } = await this.chunks.next();
      assert(!done, 'qnpc-noise-peer closed early');
      this.held = Buffer.concat([this.held, value]);
    }
    const out = this.held.subarray(0, size);
    this.held = this.held.subarray(size);
    return out;
  }
}

async function shakeHands(noise, peer, role) {
  const [privateKey, publicKey] = noise.CreateKeyPair(noise.constants.NOISE_DH_CURVE25519);
  const handshake = noise.HandshakeState(PROTOCOL, role);
  handshake.Initialize(null, privateKey);
  const sizes = [];
  for (;;) {
    const action = handshake.GetAction();
    if (action === noise.constants.NOISE_ACTION_SPLIT) break;
    if (action === noise.constants.NOISE_ACTION_WRITE_MESSAGE) {
      const message = handshake.WriteMessage();
      sizes.push(message.length);
      peer.send(message);
    } else {
      assert.strictEqual(action, noise.constants.NOISE_ACTION_READ_MESSAGE);
      const message = await peer.receive();
      sizes.push(message.length);
      assert.strictEqual(handshake.ReadMessage(message, true).length, 0);
    }
  }
  assert.deepStrictEqual(sizes, [32, 96, 64]);
  const hash = Buffer.from(handshake.GetHandshakeHash());
  const [send, receive] = handshake.Split();
  return { hash, publicKey: Buffer.from(publicKey), send, receive };
}

async function converse(noise, program, ourRole, peerRole) {
  const peer = new Peer(program, peerRole);
  const channel = await shakeHands(noise, peer, ourRole);
  const seal = (plaintext) => peer.send(channel.send.EncryptWithAd(NOTHING, plaintext));
  const open = async () => {
    const message = await peer.receive();
    return Buffer.from(channel.receive.DecryptWithAd(NOTHING, message));
  };

  const seen = await open();
  assert.deepStrictEqual(seen.subarray(0, 32), channel.hash, 'handshake hashes differ');
  assert.deepStrictEqual(seen.subarray(32), channel.publicKey, 'it saw another static key');
  for (const size of MESSAGE_SIZES) {
    const message = randomBytes(size);
    seal(message);
    assert.deepStrictEqual(await open(), message);
  }
  seal(NOTHING);
  assert.strictEqual((await open()).length, 0);
  assert.strictEqual(await peer.exit, 0);
  console.log(`ok: qnpc-noise-peer as ${peerRole}, ${MESSAGE_SIZES.length} messages each way`);
}

async function main(noise, program) {
  assert(program, 'usage: node interop.js PATH-OF-qnpc-noise-peer');
  const { NOISE_ROLE_INITIATOR, NOISE_ROLE_RESPONDER } = noise.constants;
  await converse(noise, program, NOISE_ROLE_INITIATOR, 'responder');
  await converse(noise, program, NOISE_ROLE_RESPONDER, 'initiator');
}

createNoise((noise) => {
  main(noise, process.argv[2]).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});
