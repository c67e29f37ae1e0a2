// session: one group's life, as a seed tells it. Members of both implementations propose, commit,
// join and leave; after each epoch all of them must agree.

import assert from 'node:assert';

import { SeededRandom } from './random.mjs';

const PSKS = ['a1', 'b2', 'c3'].map((id) => ({ id, secret: id.repeat(32) }));
// Of required_capabilities: nothing, and basic credentials.
const EXTENSIONS = ['000000', '0000020001'].map(
  (data) => [{ extension_type: 3, extension_data: data }]);

/** All that can happen to a group here, as `counts` names it. */
export const OPERATIONS = [
  ...['add', 'remove', 'externalPsk', 'resumptionPsk', 'extensions'].flatMap(
    (type) => [`${type} by reference`, `${type} by value`]),
  'update by reference', 'private commits', 'public commits',
  ...['commits', 'joins', 'external joins', 'external returns', 'messages'].flatMap(
    (what) => [`${what} of ours`, `${what} of ts-mls`]),
];

export class Session {
  /** `clients` makes the members of both kinds; `limits` are { members, tsMembers, epochs }. */
  constructor(clients, seed, limits) {
    this.clients = clients;
    this.random = new SeededRandom(seed);
    this.limits = limits;
    this.members = [];
    this.epoch = 0;
    this.names = 0;
    this.youngest = 0;  // the epoch in which the last member came
    this.operation = 'create';
    this.counts = {};
    this.largest = 1;
  }

  async run() {
    const encrypt = this.random.percent(50);
    const client = this.randomClients();
    const name = this.newName(client);
    const member = await client.create(this.random.bytes(8).toString('hex'), name, encrypt, PSKS);
    if (client.kind === 'ours') await member.storePsks(PSKS);
    this.members.push(member);
    while (this.epoch < this.limits.epochs) {
      if (this.epoch % 10 === 0) this.goal = this.nextGoal();
      if (this.members.length > 1 && this.random.percent(16)) {
        await this.externalCommit();
      } else {
        await this.memberCommit();
      }
      this.epoch++;
      this.largest = Math.max(this.largest, this.members.length);
      await this.checkAgreement();
      await this.converse();
    }
    for (const last of this.members) await last.forget();
  }

  // --- choices ------------------------------------------------------------------------------

  // How many members there should be: few, then as many as there may, then few again, which is
  // quick; then anything.
  nextGoal() {
    if (this.epoch === 10) return this.limits.members;
    return this.random.between(2, this.epoch < 30 ? 6 : this.limits.members);
  }

  hasRoomFor(client) {
    if (this.members.length >= this.limits.members) return false;
    const playedByTs = this.members.filter((member) => member.kind === 'ts-mls').length;
    return client === this.clients.ours || playedByTs < this.limits.tsMembers;
  }

  randomClients() {
    const ts = this.random.percent(50) && this.hasRoomFor(this.clients.ts);
    return ts ? this.clients.ts : this.clients.ours;
  }

  newName(client) {
    return `${client.kind}-${this.names++}`;
  }

  note(text, kind) {
    this.operation += `; ${text}`;
    this.count(kind);
  }

  count(kind) {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  others(...without) {
    return this.members.filter((member) => !without.includes(member));
  }

  async newJoiner() {
    const client = this.randomClients();
    return client.joiner(this.newName(client), this.random.percent(50), PSKS);
  }

  // --- a member commits ---------------------------------------------------------------------

  async memberCommit() {
    const committer = this.random.pick(this.members);
    this.operation = `epoch ${this.epoch}, ${this.members.length} members: ${committer.name}`;
    const plan = { committer, joiners: [], leaving: new Set(), busy: new Set([committer]),
                   psks: new Set(), extensions: false };
    const references = [];
    for (let n = this.random.below(4); n > 0; n--) {
      const proposer = this.random.pick(this.members);
      const proposal = await this.plan(plan, proposer, true);
      if (proposal === undefined) continue;
      this.note(`${proposer.name} proposes ${proposal.type} ${proposal.name ?? ''}`,
                `${proposal.type} by reference`);
      const message = await proposer.propose(proposal);
      for (const other of this.others(proposer)) await other.receive(message);
      references.push(message);
    }
    const values = [];
    const distance = Math.abs(this.goal - this.members.length);
    const most = distance > 8 ? 12 : distance > 0 ? 4 : 2;
    for (let n = this.random.below(most + 1); n > 0; n--) {
      const proposal = await this.plan(plan, committer, false);
      if (proposal === undefined) continue;
      this.note(`by value ${proposal.type} ${proposal.name ?? ''}`, `${proposal.type} by value`);
      values.push(proposal);
    }

    // Only beside the Welcome can a tree be given to ts-mls in a form that it takes.
    const treeBeside =
      plan.joiners.some((joiner) => joiner.kind === 'ts-mls') || this.random.percent(30);
    this.note(`${references.length} references, ${values.length} values`,
              `commits of ${committer.kind}`);
    const { commit, welcome, tree } = await committer.commit(
      { references, values, treeBeside, forcePath: this.random.percent(50) });
    this.count(commit.startsWith('00010002') ? 'private commits' : 'public commits');
    for (const other of this.others(committer)) {
      // ts-mls does not see that it is removed when its leaf is taken by somebody added.
      if (plan.leaving.has(other) && other.kind === 'ts-mls' && plan.joiners.length > 0) continue;
      this.following = other.name;
      await other.follow(commit, references);
    }
    this.following = undefined;
    await committer.merge();
    for (const gone of plan.leaving) await gone.forget();
    this.members = this.others(...plan.leaving);
    for (const joiner of plan.joiners) {
      this.note(`${joiner.name} joins`, `joins of ${joiner.kind}`);
      this.members.push(await joiner.join(welcome, tree));
      this.youngest = this.epoch + 1;
    }
  }

  // One more proposal that fits the others, or undefined. What it takes is noted in `plan`.
  async plan(plan, proposer, byReference) {
    const lacking =
      this.goal - (this.members.length + plan.joiners.length - plan.leaving.size);
    const kind = this.random.pick(
      lacking > 4 ? ['add', 'add', 'add', 'add', 'add', 'update', 'externalPsk', 'extensions']
        : lacking > 0 ? ['add', 'add', 'add', 'update', 'externalPsk', 'remove', 'extensions']
        : lacking < -4 ? ['remove', 'remove', 'remove', 'update', 'resumptionPsk']
        : ['remove', 'update', 'update', 'externalPsk', 'resumptionPsk', 'extensions', 'add']);
    switch (kind) {
      case 'add': {
        const size = this.members.length + plan.joiners.length;
        // Who joins knows no PSK of an epoch before.
        if (size >= this.limits.members || plan.psks.has('resumption')) return undefined;
        const joiner = await this.newJoiner();
        plan.joiners.push(joiner);
        return { type: 'add', keyPackage: joiner.keyPackage, name: joiner.name };
      }
      case 'remove': {
        const target = this.random.pick(this.members);
        if (plan.busy.has(target) || this.members.length - plan.leaving.size <= 2) return undefined;
        plan.busy.add(target);
        plan.leaving.add(target);
        return { type: 'remove', name: target.name };
      }
      case 'update':
        if (!byReference || plan.busy.has(proposer)) return undefined;
        plan.busy.add(proposer);
        return { type: 'update' };
      case 'externalPsk': {
        const { id } = this.random.pick(PSKS);
        if (plan.psks.has(id)) return undefined;
        plan.psks.add(id);
        return { type: 'externalPsk', id };
      }
      case 'resumptionPsk': {
        // ts-mls keeps those of four epochs, ours longer.
        const oldest = Math.max(this.youngest, this.epoch - 3);
        if (plan.psks.has('resumption') || plan.joiners.length > 0) return undefined;
        plan.psks.add('resumption');
        return { type: 'resumptionPsk', epoch: this.random.between(oldest, this.epoch) };
      }
      case 'extensions':
        // ts-mls commits GroupContextExtensions without the path that 12.4 requires.
        if (plan.extensions || plan.committer.kind === 'ts-mls') return undefined;
        plan.extensions = true;
        return { type: 'extensions', extensions: this.random.pick(EXTENSIONS) };
    }
  }

  // --- somebody comes by an external commit -------------------------------------------------

  async externalCommit() {
    const helper = this.random.pick(this.members);
    const { client, what, known } = this.rarestExternalCommit(helper);
    const returns = known !== undefined;
    const replaced = returns ? this.random.pick(known) : undefined;
    const name = replaced?.name ?? this.newName(client);
    this.operation = `epoch ${this.epoch}, ${this.members.length} members: external commit`;
    this.note(`${name} with the GroupInfo of ${helper.name}${returns ? ', returns' : ''}`,
              what);
    // As above: ts-mls takes a tree only in a form of ours.
    const treeBeside = client.kind === 'ts-mls' || this.random.percent(50);
    const info = await helper.groupInfo(treeBeside);
    const { member, commit } = await client.externalJoin(
      name, info, replaced, this.random.percent(50), PSKS, this.random.percent(30));
    for (const other of this.others(replaced)) {
      this.following = other.name;
      await other.follow(commit, []);
    }
    this.following = undefined;
    if (replaced !== undefined) await replaced.forget();
    this.members = [...this.others(replaced), member];
    this.youngest = this.epoch + 1;
  }

  // They are few: of those that can be, one that was least often. `known` could return.
  rarestExternalCommit(helper) {
    const possible = [];
    for (const client of [this.clients.ours, this.clients.ts]) {
      const known = this.others(helper).filter((member) => member.kind === client.kind);
      const { kind } = client;
      if (known.length > 0) possible.push({ client, what: `external returns of ${kind}`, known });
      if (this.hasRoomFor(client)) possible.push({ client, what: `external joins of ${kind}` });
    }
    const times = ({ what }) => this.counts[what] ?? 0;
    const least = Math.min(...possible.map(times));
    return this.random.pick(possible.filter((one) => times(one) === least));
  }

  // --- what must hold -----------------------------------------------------------------------

  async checkAgreement() {
    const expected = await this.members[0].authenticator();
    const context = this.random.bytes(5).toString('hex');
    const exported = await this.members[0].exporter('interop', context, 37);
    for (const member of this.members) {
      assert.strictEqual(await member.authenticator(), expected,
                         `${member.name} has another epoch authenticator`);
      assert.strictEqual(await member.exporter('interop', context, 37), exported,
                         `${member.name} exports something else`);
    }
  }

  async converse() {
    const sender = this.random.pick(this.members);
    const data = this.random.bytes(this.random.below(300)).toString('hex');
    this.note(`${sender.name} says ${data.length / 2} bytes`, `messages of ${sender.kind}`);
    const message = await sender.protect(data);
    for (const other of this.others(sender)) {
      assert.strictEqual(await other.unprotect(message), data, `${other.name} reads otherwise`);
    }
  }
}
