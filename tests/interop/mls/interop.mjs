// Groups that qnpc-mls-driver and ts-mls share, in sessions that seeds repeat.
//
//   node interop.mjs PATH-OF-qnpc-mls-driver SUITE [PERCENT]
//
// QNPC_INTEROP_SEEDS: how many sessions, or a list of seeds (3,14,15). QNPC_INTEROP_EPOCHS: how
// many epochs each has. Without them: what the table says, or PERCENT of it. With as many epochs as
// the table has, or more, every operation must have happened, and a group must have been full.

import { Driver, OurClients } from './driver.mjs';
import { OPERATIONS, Session } from './session.mjs';
import { TsClients } from './ts_member.mjs';

// ECDSA and X-Wing in ts-mls are written in JavaScript, and P-521 there takes its time: fewer
// epochs, and fewer members that it plays. The seeds are some with which everything happens.
const LIMITS = {
  1: { seeds: [1, 2], epochs: 45, members: 32, tsMembers: 16 },
  2: { seeds: [2], epochs: 45, members: 32, tsMembers: 8 },
  3: { seeds: [3, 4], epochs: 45, members: 32, tsMembers: 16 },
  5: { seeds: [1], epochs: 40, members: 32, tsMembers: 6 },
  7: { seeds: [1], epochs: 45, members: 32, tsMembers: 6 },
  77: { seeds: [2], epochs: 45, members: 32, tsMembers: 8 },
};

function seedsFrom(text, usual) {
  if (text === undefined) return usual;
  if (text.includes(',')) return text.split(',').filter((seed) => seed !== '').map(Number);
  return Array.from({ length: Number(text) }, (_, i) => i + 1);
}

async function main(program, suite, percent) {
  const usual = LIMITS[suite];
  if (program === undefined || usual === undefined) {
    throw new Error('usage: interop.mjs PATH-OF-qnpc-mls-driver 1|2|3|5|7|77 [PERCENT]');
  }
  const epochs = process.env.QNPC_INTEROP_EPOCHS ?? Math.ceil(usual.epochs * percent / 100);
  const limits = { ...usual, epochs: Number(epochs) };
  const ts = await TsClients.make(suite);
  const driver = new Driver(program);
  const total = {};
  const seeds = seedsFrom(process.env.QNPC_INTEROP_SEEDS, usual.seeds);
  let largest = 0;
  for (const seed of seeds) {
    const clients = { ours: new OurClients(driver, suite), ts };
    const session = new Session(clients, seed * 10 + suite, limits);
    try {
      await session.run();
    } catch (error) {
      console.error(`FAILED: suite ${suite}, seed ${seed}, ${session.operation}` +
                    (session.following ? `; ${session.following} follows` : ''));
      console.error(`repeat: QNPC_INTEROP_SEEDS=${seed}, QNPC_INTEROP_EPOCHS=${limits.epochs} ` +
                    `node interop.mjs ${program} ${suite}`);
      throw error;
    }
    console.log(`ok: suite ${suite}, seed ${seed}, ${session.epoch} epochs, ` +
                `${session.largest} members`);
    largest = Math.max(largest, session.largest);
    for (const [what, n] of Object.entries(session.counts)) total[what] = (total[what] ?? 0) + n;
  }
  for (const what of Object.keys(total).sort()) console.log(`  ${total[what]} ${what}`);
  await driver.end();
  if (seeds.length * limits.epochs < usual.seeds.length * usual.epochs) return;
  const missing = OPERATIONS.filter((what) => !total[what]);
  if (missing.length > 0) throw new Error(`suite ${suite}: it never came to ${missing.join(', ')}`);
  if (largest < usual.members) throw new Error(`suite ${suite}: at most ${largest} members`);
}

main(process.argv[2], Number(process.argv[3]), Number(process.argv[4] ?? 100)).catch((error) => {
  console.error(error);
  process.exit(1);
});
