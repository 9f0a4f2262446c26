/**
 * `npm run bench`: Lunbox and `tgtd` serve equal disks from the same directory, both in the page cache, and get
 * the same loads in turn. Prints rates, ratios, processor time, the longest turn of the event loop, and memory.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { requiresTools } from '../test/support/requires.ts';
import { startTarget } from '../test/support/start-target.ts';
import type { TargetKind, TargetUnderTest } from '../test/support/target-under-test.ts';
import { makeTempDirectory } from '../test/support/temp-directory.ts';
import { formatBig, measureBig } from './big.ts';
import { formatMemory, measureMemory } from './memory.ts';
import {
  formatResponsiveness,
  watchTurns,
  writeSameWholeDisk,
  type Responsiveness,
} from './responsiveness.ts';
import { measureFronts } from './fronts.ts';
import { measureReflink } from './reflink.ts';
import { formatSnapshots, measureSnapshots } from './snapshots.ts';
import { compare, formatTable, generate, rows, rowsWithDigests } from './throughput.ts';
import { probeFlags } from './turn-probe.ts';

const usage = `Usage: npm run bench -- [options]
  --targets LIST   tgtd,lunbox (default both)
  --seconds N      length of one measurement (default 2)
  --rounds N       measurements of each row and target (default 5)
  --only TEXT      only rows whose name contains TEXT
  --part NAME      throughput, turns, memory, big, snapshots, reflink, fronts;
                   repeatable
                   (default the first three)
  --big-gib N      capacity of the thin disk of big (default 64)
  --digests        with CRC32C digests of headers and data; throughput only
  --size-mib N     capacity of both disks (default 512)
  --json FILE      write the figures there too
  --quiet          no progress lines`;

const { values } = parseArgs({
  options: {
    targets: { type: 'string', default: 'tgtd,lunbox' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    part: { type: 'string', multiple: true, default: ['throughput', 'turns', 'memory'] },
    digests: { type: 'boolean', default: false },
    'big-gib': { type: 'string', default: '64' },
    'size-mib': { type: 'string', default: '512' },
    json: { type: 'string' },
    quiet: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const kinds = values.targets.split(',') as TargetKind[];
const sizeBytes = Number(values['size-mib']) << 20;
/** Pieces of data on the thin disk of `big`. */
const BIG_ISLANDS = 512;
const figures: Record<string, unknown> = {};
const say = (text: string): void => {
  if (!values.quiet) console.error(text);
};

/** Starts a target on a disk that is written and read once, so that both start from equal page caches. */
async function startWarm(
  kind: TargetKind,
  directory: string,
  nodeFlags: readonly string[] = [],
): Promise<TargetUnderTest> {
  const { digests } = values;
  const target = await startTarget(kind, { directory, sizeBytes, compiled: true, nodeFlags, digests });
  const pass = { pattern: 'sequential', ioBytes: 256 << 10, depth: 8, onePass: true, durationMs: 0 } as const;
  await generate(target, { ...pass, direction: 'write' });
  await generate(target, { ...pass, direction: 'read' });
  return target;
}

async function throughput(directory: string): Promise<void> {
  const targets: TargetUnderTest[] = [];
  try {
    for (const kind of kinds) targets.push(await startWarm(kind, directory));
    const candidates = values.digests ? rowsWithDigests : rows;
    const wanted = candidates.filter((row) => row.name.includes(values.only) && canRun(row.byIscsiPerf));
    const seconds = Number(values.seconds);
    const results = await compare(targets, wanted, { seconds, rounds: Number(values.rounds), onStep: say });
    figures[values.digests ? 'throughput-digests' : 'throughput'] = [...results].map(([row, result]) => ({
      name: row.name,
      bar: row.bar,
      ...result,
    }));
    if (values.digests) console.log('\nwith CRC32C digests of headers and data');
    console.log(`\n${formatTable(results)}`);
  } finally {
    for (const target of targets) await target.stop();
  }
}

function canRun(byIscsiPerf = false): boolean {
  return !byIscsiPerf || requiresTools('iscsi-perf');
}

async function turns(directory: string): Promise<void> {
  for (const kind of kinds) {
    const target = await startWarm(kind, directory, probeFlags);
    const results: Responsiveness[] = [];
    try {
      for (const row of rows.filter((each) => !each.byIscsiPerf)) {
        const workload = { ...row.workload, durationMs: Number(values.seconds) * 1000 };
        results.push(await watchTurns(target, row.name, () => generate(target, workload)));
      }
      for (const mode of ['pattern', 'unmap'] as const) {
        const name = `WRITE SAME of the whole disk, ${mode}`;
        results.push(await watchTurns(target, name, () => writeSameWholeDisk(target, mode)));
      }
    } finally {
      await target.stop();
    }
    figures[`turns-${kind}`] = results;
    console.log(`\n${kind}: event loop and pings\n${formatResponsiveness(results)}`);
  }
}

async function memory(directory: string): Promise<void> {
  console.log('\nresident memory, 32 sessions at depth 32, 4 and 256 KiB reads and writes');
  for (const kind of kinds) {
    const target = await startTarget(kind, { directory, sizeBytes, compiled: true });
    try {
      const report = await measureMemory(target, {
        sessions: 32,
        depth: 32,
        durationMs: Number(values.seconds) * 1000,
      });
      figures[`memory-${kind}`] = report;
      console.log(formatMemory(kind, report));
    } finally {
      await target.stop();
    }
  }
}

/** Commands over all of a disk that is far larger than what it stores. */
async function big(directory: string): Promise<void> {
  const gib = Number(values['big-gib']);
  const target = await startTarget('lunbox', {
    directory,
    sizeBytes: gib * 2 ** 30,
    compiled: true,
    nodeFlags: probeFlags,
  });
  try {
    const results = await measureBig(target, { islands: BIG_ISLANDS, seed: 1 });
    figures['big'] = results;
    console.log(`\na thin disk of ${gib} GiB with ${BIG_ISLANDS} islands of data\n${formatBig(results)}`);
  } finally {
    await target.stop();
  }
}

/** What snapshots by log and by reflink cost on one file system, which must be XFS or Btrfs: TMPDIR says where. */
async function reflink(directory: string): Promise<void> {
  const results = await measureReflink(directory, say);
  figures['reflink'] = results;
  console.log(`\nsnapshots by log and by reflink\n${formatSnapshots(results)}`);
}

/** NBS beside iSCSI, and NBD beside that of QEMU. */
async function fronts(directory: string): Promise<void> {
  const results = await measureFronts(directory, say);
  figures['fronts'] = results;
  console.log(`\nNBS by our clients, NBD by qemu-img bench, at depth 32\n${formatSnapshots(results)}`);
}

/** What snapshots cost, against qcow2. */
async function snapshots(directory: string): Promise<void> {
  const results = await measureSnapshots(directory, say);
  figures['snapshots'] = results;
  console.log(`\nsnapshots, by qemu-img bench at depth 32\n${formatSnapshots(results)}`);
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(usage);
    return;
  }
  if (kinds.includes('tgtd') && !requiresTools('tgtd', 'tgtadm')) {
    throw new Error('tgtd is not installed: apt-get install tgt, or use --targets lunbox');
  }
  const parts = { throughput, turns, memory, big, snapshots, reflink, fronts };
  for (const [name, part] of Object.entries(parts)) {
    if (!values.part.includes(name) || (values.digests && part !== throughput)) continue;
    const directory = makeTempDirectory('bench');
    try {
      await part(directory.path);
    } finally {
      directory.remove();
    }
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
}

await main();
