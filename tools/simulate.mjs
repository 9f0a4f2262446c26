// `npm run simulate`: the long form of the simulations of `npm test`. A million histories of our target and our
// initiator on one simulated network, a million of the SCSI device server beside a model of it, a million of storage
// objects, a million of snapshots and a million of groups of them whose power goes, spread over as many processes as
// there are processors; then the target alone against its model initiator.
//
//   npm run simulate                                        all of it
//   npm run simulate -- 60000 --seed 77                     another number of histories, from another seed on
//   npm run simulate -- 1 --profile cuts --seed 4711        one history again; with LUNBOX_TRACE=1 it tells all
//   npm run simulate -- --suite scsi                        the network (iscsi), the device server (scsi), the storage
//                                                           objects (storage), snapshots (snapshot) or groups of them
//                                                           (snapshot-groups) only
//   npm run simulate -- --keep-going                        not only up to the first history that goes wrong
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { root, runBin } from './process.mjs';

/**
 * Kinds of histories, as packages/server/test/simulation/support/profiles.ts and
 * packages/scsi/test/simulation/support/play.ts,
 * packages/storage-object/test/simulation/support/object-history.ts and
 * packages/snapshot/test/support/history.ts and group-history.ts there have them, and the program that plays them.
 * `most` is how many there are of a kind that has only so many.
 * @type {Record<string, { worker: string, profiles: string[], most?: number }>}
 */
const SUITES = {
  iscsi: {
    worker: 'packages/server/test/simulation/play-histories.ts',
    profiles: ['calm', 'cuts', 'corruption', 'shared-calm', 'shared-cuts', 'shared-corruption'],
  },
  scsi: {
    worker: 'packages/scsi/test/simulation/play-histories.ts',
    profiles: ['scsi-turns', 'scsi-reservations', 'scsi-overlapping'],
  },
  storage: {
    worker: 'packages/storage-object/test/simulation/play-histories.ts',
    profiles: ['storage-crashes', 'storage-failures', 'storage-combined'],
  },
  snapshot: {
    worker: 'packages/snapshot/test/simulation/play-histories.ts',
    profiles: ['snapshot-crashes', 'snapshot-failures'],
  },
  'snapshot-groups': {
    worker: 'packages/snapshot/test/simulation/play-histories.ts',
    profiles: ['group-crashes', 'group-failures'],
  },
  nbs: {
    worker: 'packages/nbs/test/simulation/play-histories.ts',
    profiles: ['nbs-calm', 'nbs-cuts', 'nbs-restarts'],
  },
  'snapshot-short': {
    worker: 'packages/snapshot/test/simulation/play-histories.ts',
    profiles: ['snapshot-short', 'snapshot-short-failures'],
    most: 2379,
  },
};
const PROFILES = Object.values(SUITES).flatMap(({ profiles }) => profiles);
/** Histories of one process: enough that its start does not count. */
const CHUNK = 5000;
const TELL_EVERY_MS = 10_000;
/** The older simulation plays three kinds of histories, and a tenth of the number suffices for each. */
const MODEL_SHARE = 10;

const OPTIONS = /** @type {const} */ ({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    profile: { type: 'string' },
    suite: { type: 'string', multiple: true, default: Object.keys(SUITES) },
    'keep-going': { type: 'boolean', default: false },
    workers: { type: 'string', default: String(availableParallelism()) },
  },
});

/** @param {string} what is wrong with the command line @returns {never} */
function usage(what) {
  console.error(
    `${what}\nnpm run simulate -- [HISTORIES] [--suite NAME] [--profile NAME] [--seed N] [--keep-going] [--workers N]`,
  );
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs(OPTIONS);
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

/** @param {string} name @param {string} text */
function positive(name, text) {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0
    ? number
    : usage(`${name} is a whole number from 1 on, not "${text}"`);
}

const { values, positionals } = readArguments();
const firstSeed = positive('--seed', values.seed);
const wanted = positive('the number of histories', positionals[0] ?? '1000000');
if (values.profile !== undefined && !PROFILES.includes(values.profile)) {
  usage(`no such profile: ${values.profile}; there are ${PROFILES.join(', ')}`);
}
const unknown = values.suite.find((suite) => !Object.hasOwn(SUITES, suite));
if (unknown !== undefined) usage(`no such suite: ${unknown}; there are ${Object.keys(SUITES).join(', ')}`);

/** @typedef {{ profile: string, first: number, count: number }} Chunk */
/** @typedef {{ histories: number, seen: Record<string, number> }} Tally */

/** @param {string[]} profiles @param {number} [most] @returns {Chunk[]} taking turns between the kinds */
function chunks(profiles, most = Infinity) {
  const each = Math.min(most, Math.ceil(wanted / profiles.length));
  const all = [];
  for (let done = 0; done < each; done += CHUNK) {
    for (const profile of profiles) {
      all.push({ profile, first: firstSeed + done, count: Math.min(CHUNK, each - done) });
    }
  }
  return all;
}

/** @returns {Chunk[]} */
function wantedChunks() {
  if (values.profile !== undefined) return chunks([values.profile]);
  return values.suite.flatMap((suite) => chunks(SUITES[suite]?.profiles ?? [], SUITES[suite]?.most));
}

/** @param {string} profile */
function workerOf(profile) {
  return Object.values(SUITES).find(({ profiles }) => profiles.includes(profile))?.worker ?? '';
}

const startMs = performance.now();
const todo = wantedChunks();
const total = todo.reduce((sum, { count }) => sum + count, 0);
/** What each worker is at. @type {Map<import('node:child_process').ChildProcess, Tally>} */
const running = new Map();
/** @type {Tally} */
const finished = { histories: 0, seen: {} };
/** @type {string[]} */
const failures = [];
let stopped = false;

/** @param {Tally} tally */
function finish(tally) {
  finished.histories += tally.histories;
  for (const [what, count] of Object.entries(tally.seen)) {
    finished.seen[what] = (finished.seen[what] ?? 0) + count;
  }
}

function tell() {
  const done = [...running.values()].reduce((sum, { histories }) => sum + histories, finished.histories);
  const seconds = (performance.now() - startMs) / 1000;
  const perSecond = done / seconds;
  const left = perSecond === 0 ? '?' : Math.ceil((total - done) / perSecond / 60);
  console.log(`${done} of ${total} histories, ${perSecond.toFixed(0)} a second, ${left} min left`);
}

/** A chunk went wrong after so many good histories. @param {Chunk} chunk @param {number} good */
function fail({ profile, first, count }, good) {
  failures.push(`${profile}, seed ${first + good}`);
  if (values['keep-going']) {
    finished.histories++;
    const left = count - good - 1;
    if (left > 0) todo.unshift({ profile, first: first + good + 1, count: left });
  } else {
    stopped = true;
    for (const other of running.keys()) other.kill();
  }
}

/** Plays one chunk in a process of its own. @param {Chunk} chunk @returns {Promise<void>} */
function playChunk(chunk) {
  const { profile, first, count } = chunk;
  const args = [
    '--import',
    'tsx',
    '--conditions=@lunbox/source',
    workerOf(profile),
    profile,
    String(first),
    String(count),
  ];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  running.set(child, { histories: 0, seen: {} });
  createInterface({ input: child.stdout }).on('line', (line) => running.set(child, JSON.parse(line)));
  return new Promise((resolve) => {
    child.on('close', (code) => {
      const tally = /** @type {Tally} */ (running.get(child));
      finish(tally);
      running.delete(child);
      if (code !== 0 && !stopped) fail(chunk, tally.histories);
      resolve();
    });
  });
}

async function work() {
  for (let chunk = todo.shift(); chunk !== undefined && !stopped; chunk = todo.shift())
    await playChunk(chunk);
}

const timer = setInterval(tell, TELL_EVERY_MS);
await Promise.all(Array.from({ length: positive('--workers', values.workers) }, work));
clearInterval(timer);
tell();
for (const [what, count] of Object.entries(finished.seen).sort(([, a], [, b]) => b - a)) {
  console.log(`${String(count).padStart(12)}  ${what}`);
}

for (const failure of failures) console.log(`went wrong: ${failure}`);
let failed = failures.length > 0;
if (!failed && values.profile === undefined) {
  const each = String(Math.ceil(wanted / MODEL_SHARE / 3));
  console.log(`\nthe target and its model initiator, three times ${each} histories`);
  const env = { ...process.env, LUNBOX_HISTORIES: each, LUNBOX_SEED: String(firstSeed) };
  const { code } = await runBin('vitest', ['run', 'packages/iscsi-target/test/simulation'], {
    show: true,
    env,
  });
  failed = code !== 0;
}
process.exitCode = failed ? 1 : 0;
