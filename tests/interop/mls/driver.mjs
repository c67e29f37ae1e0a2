// driver: members of our own, each a state of a running qnpc-mls-driver. The same interface as
// ts_member.mjs; messages are hexadecimal.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Driver {
  constructor(program) {
    this.process = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.exit = new Promise((resolve) => this.process.on('exit', resolve));
    this.waiting = [];
    const lines = createInterface({ input: this.process.stdout });
    lines.on('line', (line) => this.waiting.shift().resolve(line));
    lines.on('close', () => {
      for (const { reject } of this.waiting) reject(new Error('qnpc-mls-driver ended early'));
    });
  }

  async ask(op, fields) {
    const line = await new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.process.stdin.write(JSON.stringify({ op, ...fields }) + '\n');
    });
    const reply = JSON.parse(line);
    if (reply.error) throw new Error(`qnpc-mls-driver ${op}: ${reply.error}: ${reply.message}`);
    return reply;
  }

  async end() {
    this.process.stdin.end();
    const status = await this.exit;
    if (status !== 0) throw new Error(`qnpc-mls-driver ended with ${status}`);
  }
}

const hexOf = (name) => Buffer.from(name).toString('hex');

// ProposalDescription of the proto.
function described(proposal) {
  switch (proposal.type) {
    case 'add': return { proposal_type: 'add', key_package: proposal.keyPackage };
    case 'remove': return { proposal_type: 'remove', removed_id: hexOf(proposal.name) };
    case 'externalPsk': return { proposal_type: 'externalPSK', psk_id: proposal.id };
    case 'resumptionPsk': return { proposal_type: 'resumptionPSK', epoch_id: proposal.epoch };
    case 'extensions':
      return { proposal_type: 'groupContextExtensions', extensions: proposal.extensions };
    default: throw new Error(`no description of ${proposal.type}`);
  }
}

const PROPOSAL_OPS = {
  add: 'add_proposal',
  remove: 'remove_proposal',
  update: 'update_proposal',
  externalPsk: 'external_psk_proposal',
  resumptionPsk: 'resumption_psk_proposal',
  extensions: 'group_context_extensions_proposal',
};

/** What members of this kind are made by. */
export class OurClients {
  kind = 'ours';

  constructor(driver, suite) {
    this.driver = driver;
    this.suite = suite;
  }

  async create(groupId, name, encrypt) {
    const { state_id } = await this.driver.ask('create_group', {
      group_id: groupId, cipher_suite: this.suite, encrypt_handshake: encrypt,
      identity: hexOf(name) });
    return new OurMember(this.driver, name, state_id);
  }

  async joiner(name, encrypt, psks) {
    const { transaction_id, key_package } = await this.driver.ask('create_key_package', {
      cipher_suite: this.suite, identity: hexOf(name) });
    for (const psk of psks) {
      await this.driver.ask('store_psk', {
        state_or_transaction_id: transaction_id, psk_id: psk.id, psk_secret: psk.secret });
    }
    const join = async (welcome, tree) => {
      const { state_id } = await this.driver.ask('join_group', {
        transaction_id, welcome, ratchet_tree: tree, encrypt_handshake: encrypt });
      return new OurMember(this.driver, name, state_id);
    };
    return { kind: 'ours', name, keyPackage: key_package, join };
  }

  /** `replaced` is our member that comes back, or undefined. */
  async externalJoin(name, { groupInfo, tree }, replaced, encrypt, psks, usePsk) {
    const { state_id, commit } = await this.driver.ask('external_join', {
      group_info: groupInfo, ratchet_tree: tree, encrypt_handshake: encrypt,
      identity: hexOf(name), remove_prior: replaced !== undefined,
      psks: usePsk ? [{ psk_id: psks[0].id, psk_secret: psks[0].secret }] : [] });
    const member = new OurMember(this.driver, name, state_id);
    await member.storePsks(psks);
    return { member, commit };
  }
}

class OurMember {
  kind = 'ours';

  constructor(driver, name, stateId) {
    this.driver = driver;
    this.name = name;
    this.stateId = stateId;
  }

  ask(op, fields = {}) {
    return this.driver.ask(op, { state_id: this.stateId, ...fields });
  }

  async storePsks(psks) {
    for (const psk of psks) {
      await this.driver.ask('store_psk', {
        state_or_transaction_id: this.stateId, psk_id: psk.id, psk_secret: psk.secret });
    }
  }

  async propose(proposal) {
    const fields = proposal.type === 'update' ? {} : described(proposal);
    return (await this.ask(PROPOSAL_OPS[proposal.type], fields)).proposal;
  }

  // The driver is given the proposals together with the commit.
  async receive() {}

  async commit({ references, values, forcePath, treeBeside }) {
    const { commit, welcome, ratchet_tree } = await this.ask('commit', {
      by_reference: references, by_value: values.map(described), force_path: forcePath,
      external_tree: treeBeside });
    return { commit, welcome, tree: ratchet_tree };
  }

  merge() {
    return this.ask('handle_pending_commit');
  }

  follow(commit, references) {
    return this.ask('handle_commit', { commit, proposal: references });
  }

  async authenticator() {
    return (await this.ask('state_auth')).state_auth_secret;
  }

  async exporter(label, context, length) {
    return (await this.ask('export', { label, context, key_length: length })).exported_secret;
  }

  async groupInfo(treeBeside) {
    const { group_info, ratchet_tree } =
      await this.ask('group_info', { external_tree: treeBeside });
    return { groupInfo: group_info, tree: ratchet_tree };
  }

  async protect(data) {
    return (await this.ask('protect', { plaintext: data, authenticated_data: '6164' })).ciphertext;
  }

  async unprotect(message) {
    return (await this.ask('unprotect', { ciphertext: message })).plaintext;
  }

  forget() {
    return this.driver.ask('free', { state_id: this.stateId });
  }
}
