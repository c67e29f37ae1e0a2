// ts_member: members that ts-mls plays, with the interface of driver.mjs. Where ts-mls departs from
// RFC 9420 the comment says how, and what is done so that the two can still meet.

import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;  // Node 18 has it, but not under this name

const mls = await import('ts-mls');
const { p256, p384, p521 } = await import('@noble/curves/nist.js');
const { createGroupInfo } = await import('ts-mls/createCommit.js');
const { encode } = await import('ts-mls/codec/tlsEncoder.js');
const { decodeVarLenData, varLenDataEncoder } = await import('ts-mls/codec/variableLength.js');
const { signWithLabel } = await import('ts-mls/crypto/signature.js');
const { defaultClientConfig } = await import('ts-mls/clientConfig.js');
const { leafNodeTBSEncoder } = await import('ts-mls/leafNode.js');
const { updateLeafKey } = await import('ts-mls/privateKeyPath.js');
const { decodeRatchetTree, ratchetTreeEncoder } = await import('ts-mls/ratchetTree.js');

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bytes = (text) => Uint8Array.from(Buffer.from(text, 'hex'));
const messageOf = (wireformat, content) =>
  hex(mls.encodeMlsMessage({ version: 'mls10', wireformat, ...content }));

function decoded(decoder, text) {
  const data = bytes(text);
  const result = decoder(data, 0);
  if (result === undefined || result[1] !== data.length) {
    throw new Error('ts-mls does not decode what it was sent');
  }
  return result[0];
}
const parsed = (text) => decoded(mls.decodeMlsMessage, text);

// 7.9.2 asks that the nodes between a node and a leaf in its unmerged_leaves name that leaf too.
// ts-mls asks that all nodes above the leaf have one and the same list, and so refuses most trees
// with unmerged leaves. Of all that it does with a tree that is the first to call entries(), and
// sees no unmerged leaves there; hashes and resolutions are computed from the true nodes.
class TreeToJoin extends Array {
  static get [Symbol.species]() {
    return Array;
  }

  entries() {
    if (this.looked) return super.entries();
    this.looked = true;
    return this.map((node) => node?.nodeType === 'parent'
      ? { ...node, parent: { ...node.parent, unmergedLeaves: [] } } : node).entries();
  }
}

function treeToJoin(text) {
  const tree = decoded(decodeRatchetTree, text);
  const out = new TreeToJoin(tree.length);
  for (let i = 0; i < tree.length; i++) out[i] = tree[i];
  return out;
}

const joinedWith = (state) => ({ ...state, ratchetTree: Array.from(state.ratchetTree) });

// 12.4.3.2: an ExternalPub holds an HPKEPublicKey, which is opaque<V>. ts-mls neither writes nor
// reads that length. The signature covers the extensions as they stand, so only find(), by which
// ts-mls takes the key, shows it without the length.
function withBareExternalPub(info) {
  const bare = info.extensions.map((extension) => extension.extensionType === 'external_pub'
    ? { ...extension, extensionData: decodeVarLenData(extension.extensionData, 0)[0] } : extension);
  const extensions = info.extensions.slice();
  extensions.find = (predicate) => bare.find(predicate);
  return { ...info, extensions };
}

const SUITES = Object.fromEntries(
  Object.entries(mls.ciphersuites).map(([name, id]) => [id, name]));

// ts-mls has X-Wing, but not the suite that we have, whose number it gives to another one. Which
// number it writes hangs on the suite's name: under that of 77 it gets the algorithms of ours.
function algorithmsOf(suite) {
  const known = mls.getCiphersuiteFromName(SUITES[suite]);
  if (suite !== 77) return known;
  const hpke = { kem: 'X-Wing', aead: 'CHACHA20POLY1305', kdf: 'HKDF-SHA256' };
  return { ...known, hash: 'SHA-256', signature: 'Ed25519', hpke };
}

// 5.1.1: an ECDSA public key is an uncompressed point. ts-mls makes compressed ones and takes both.
function withUncompressedKeys(cs, curve) {
  const keygen = async () => {
    const { signKey } = await cs.signature.keygen();
    return { signKey, publicKey: curve.getPublicKey(signKey, false) };
  };
  return { ...cs, signature: { ...cs.signature, keygen } };
}

export class TsClients {
  kind = 'ts-mls';

  static async make(suite) {
    const out = new TsClients();
    const cs = await mls.getCiphersuiteImpl(algorithmsOf(suite));
    const curve = { 2: p256, 5: p521, 7: p384 }[suite];
    out.cs = curve === undefined ? cs : withUncompressedKeys(cs, curve);
    return out;
  }

  async keyPackage(name, signer) {
    const now = BigInt(Math.floor(Date.now() / 1000));
    return mls.generateKeyPackageWithKey(
      { credentialType: 'basic', identity: Uint8Array.from(Buffer.from(name)) },
      mls.defaultCapabilities(), { notBefore: now - 3600n, notAfter: now + 86400n }, [],
      signer ?? (await this.cs.signature.keygen()), this.cs);
  }

  async create(groupId, name, encrypt, psks) {
    const { publicPackage, privatePackage } = await this.keyPackage(name);
    const state =
      await mls.createGroup(bytes(groupId), publicPackage, privatePackage, [], this.cs);
    return new TsMember(this.cs, name, state, encrypt, psks);
  }

  async joiner(name, encrypt, psks) {
    const { publicPackage, privatePackage } = await this.keyPackage(name);
    const join = async (welcome, tree) => {
      const pskIndex = mls.makePskIndex(undefined, pskRecord(psks));
      const state = await mls.joinGroup(parsed(welcome).welcome, publicPackage, privatePackage,
                                        pskIndex, this.cs, treeToJoin(tree));
      return new TsMember(this.cs, name, joinedWith(state), encrypt, psks);
    };
    const keyPackage = messageOf('mls_key_package', { keyPackage: publicPackage });
    return { kind: 'ts-mls', name, keyPackage, join };
  }

  // ts-mls brings no PSKs into an external commit.
  async externalJoin(name, { groupInfo, tree }, replaced, encrypt, psks) {
    const { publicPackage, privatePackage } = await this.keyPackage(name, replaced?.signer());
    const { publicMessage, newState } = await mls.joinGroupExternal(
      withBareExternalPub(parsed(groupInfo).groupInfo), publicPackage, privatePackage,
      replaced !== undefined, this.cs, treeToJoin(tree), defaultClientConfig);
    return { member: new TsMember(this.cs, name, joinedWith(newState), encrypt, psks),
             commit: messageOf('mls_public_message', { publicMessage }) };
  }
}

const pskRecord = (psks) => Object.fromEntries(
  psks.map((psk) => [mls.bytesToBase64(bytes(psk.id)), bytes(psk.secret)]));

class TsMember {
  kind = 'ts-mls';

  constructor(cs, name, state, encrypt, psks) {
    Object.assign(this, { cs, name, state, encrypt, psks });
  }

  pskIndex() {
    return mls.makePskIndex(this.state, pskRecord(this.psks));
  }

  leaf() {
    return this.state.ratchetTree[2 * this.state.privatePath.leafIndex].leaf;
  }

  signer() {
    return { signKey: this.state.signaturePrivateKey, publicKey: this.leaf().signaturePublicKey };
  }

  leafIndexOf(name) {
    const index = this.state.ratchetTree.findIndex(
      (node) => node?.nodeType === 'leaf' &&
        Buffer.from(node.leaf.credential.identity).toString() === name);
    return index / 2;
  }

  psk(id) {
    return { proposalType: 'psk', psk: { preSharedKeyId: {
      ...id, pskNonce: this.cs.rng.randomBytes(this.cs.kdf.size) } } };
  }

  async made(proposal) {
    switch (proposal.type) {
      case 'add':
        return { proposalType: 'add', add: { keyPackage: parsed(proposal.keyPackage).keyPackage } };
      case 'remove':
        return { proposalType: 'remove', remove: { removed: this.leafIndexOf(proposal.name) } };
      case 'update':
        return { proposalType: 'update', update: { leafNode: await this.renewedLeaf() } };
      case 'externalPsk': return this.psk({ psktype: 'external', pskId: bytes(proposal.id) });
      case 'resumptionPsk':
        return this.psk({ psktype: 'resumption', usage: 'application',
                          pskGroupId: this.state.groupContext.groupId,
                          pskEpoch: BigInt(proposal.epoch) });
      case 'extensions': {
        const extensions = proposal.extensions.map(({ extension_data }) => ({
          extensionType: 'required_capabilities', extensionData: bytes(extension_data) }));
        return { proposalType: 'group_context_extensions', groupContextExtensions: { extensions } };
      }
      default: throw new Error(`no proposal ${proposal.type}`);
    }
  }

  // ts-mls makes no Update proposals of its own and keeps no key for one: see follow().
  async renewedLeaf() {
    const pair = await this.cs.hpke.generateKeyPair();
    this.updateKey = await this.cs.hpke.exportPrivateKey(pair.privateKey);
    const { credential, capabilities, extensions, signaturePublicKey } = this.leaf();
    const leaf = { leafNodeSource: 'update', credential, capabilities, extensions,
                   signaturePublicKey,
                   hpkePublicKey: await this.cs.hpke.exportPublicKey(pair.publicKey) };
    const tbs = encode(leafNodeTBSEncoder)({
      ...leaf, groupId: this.state.groupContext.groupId,
      leafIndex: this.state.privatePath.leafIndex });
    const signature = await signWithLabel(
      this.state.signaturePrivateKey, 'LeafNodeTBS', tbs, this.cs.signature);
    return { ...leaf, signature };
  }

  async propose(proposal) {
    const { newState, message } = await mls.createProposal(
      this.state, !this.encrypt, await this.made(proposal), this.cs);
    this.state = newState;
    return hex(mls.encodeMlsMessage(message));
  }

  async receive(message) {
    this.state = await this.processed(parsed(message));
  }

  // Not processMessage(): it looks for PSKs in public messages only.
  async processed(message) {
    const result = message.wireformat === 'mls_public_message'
      ? await mls.processPublicMessage(this.state, message.publicMessage, this.pskIndex(), this.cs)
      : await mls.processPrivateMessage(this.state, message.privateMessage, this.pskIndex(),
                                        this.cs);
    return result.newState;
  }

  // ts-mls commits all proposals that it has received, and makes a path where it has to.
  async commit({ values, treeBeside }) {
    const extraProposals = [];
    for (const value of values) extraProposals.push(await this.made(value));
    const { newState, welcome, commit } = await mls.createCommit(
      { state: this.state, pskIndex: this.pskIndex(), cipherSuite: this.cs },
      { wireAsPublicMessage: !this.encrypt, extraProposals, ratchetTreeExtension: !treeBeside });
    this.pending = newState;
    return { commit: hex(mls.encodeMlsMessage(commit)),
             welcome: welcome === undefined ? '' : messageOf('mls_welcome', { welcome }),
             tree: treeBeside ? hex(encode(ratchetTreeEncoder)(newState.ratchetTree)) : '' };
  }

  async merge() {
    this.state = this.pending;
    this.updateKey = undefined;
  }

  async follow(commit, references) {
    // Every waiting proposal is in the commit, our Update among them.
    if (this.updateKey !== undefined && references.length > 0) {
      const privatePath = updateLeafKey(this.state.privatePath, this.updateKey);
      this.state = { ...this.state, privatePath };
    }
    this.updateKey = undefined;
    this.state = await this.processed(parsed(commit));
  }

  async authenticator() {
    return hex(this.state.keySchedule.epochAuthenticator);
  }

  async exporter(label, context, length) {
    return hex(await mls.mlsExporter(this.state.keySchedule.exporterSecret, label, bytes(context),
                                     length, this.cs));
  }

  async groupInfo(treeBeside) {
    const pair = await this.cs.hpke.deriveKeyPair(this.state.keySchedule.externalSecret);
    const key = await this.cs.hpke.exportPublicKey(pair.publicKey);
    const tree = encode(ratchetTreeEncoder)(this.state.ratchetTree);
    const extensions = [
      { extensionType: 'external_pub', extensionData: encode(varLenDataEncoder)(key) }];
    if (!treeBeside) extensions.push({ extensionType: 'ratchet_tree', extensionData: tree });
    const groupInfo = await createGroupInfo(this.state.groupContext, this.state.confirmationTag,
                                            this.state, extensions, this.cs);
    return { groupInfo: messageOf('mls_group_info', { groupInfo }),
             tree: treeBeside ? hex(tree) : '' };
  }

  async protect(data) {
    const { newState, privateMessage } = await mls.createApplicationMessage(
      this.state, bytes(data), this.cs, bytes('6164'));
    this.state = newState;
    return messageOf('mls_private_message', { privateMessage });
  }

  async unprotect(message) {
    const result = await mls.processPrivateMessage(
      this.state, parsed(message).privateMessage, this.pskIndex(), this.cs);
    this.state = result.newState;
    return hex(result.message);
  }

  async forget() {}
}
