/**
 * A restore drill from end to end: `npm run restore-drill`.
 *
 * 1. An application keeps a ledger on a disk, by iSCSI. It is never stopped.
 * 2. The device manager suspends it, has a snapshot taken over NBS, and resumes it.
 * 3. Something overwrites the ledger.
 * 4. The session is moved to a clone of the snapshot: the application goes on from what it had then.
 * 5. The same for an initiator that is not ours, by login redirect: `qemu-io`, where it is installed.
 */
import { restoreByRedirect, takeConsistent } from '@lunbox/device-manager';
import { connectLun } from '@lunbox/iscsi-initiator';
import { connectNbs, NbsDisk } from '@lunbox/nbs';
import { cloneSnapshot } from '@lunbox/snapshot';
import { StorageObject } from '@lunbox/storage-object';
import { createServer, type LunboxServer } from 'lunbox';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForeignInitiator } from './restore-drill/foreign-initiator.ts';
import { Ledger } from './restore-drill/ledger.ts';

const SIZE_BYTES = 64 * 2 ** 20;
const IQN = 'iqn.2026-11.com.example:drill';
const directory = await mkdtemp(join(tmpdir(), 'lunbox-drill-'));

const sleep = (timeMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, timeMs));

function step(what: string, timeMs?: number): void {
  console.log(timeMs === undefined ? what : `${what.padEnd(72)} ${Math.round(timeMs)} ms`);
}

function demand(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`the drill has failed: ${what}`);
  step(`  checked: ${what}`);
}

/** Serves a disk of this name. */
async function serve(name: string): Promise<LunboxServer> {
  const path = join(directory, `${name}.lun`);
  await (await StorageObject.create(path, { sizeBytes: SIZE_BYTES })).close();
  const server = await createServer({
    portals: ['127.0.0.1:0'],
    targets: [{ iqn: IQN, luns: [{ path }] }],
    nbs: { portals: [`unix:${join(directory, `${name}.sock`)}`], directory },
  });
  await server.start();
  return server;
}

/** With our initiator: a live session is moved, and its user notices a pause. */
async function drillWithRedirect(): Promise<void> {
  const server = await serve('ledger');
  const client = await connectNbs({ portals: [{ path: join(directory, 'ledger.sock') }] });
  const disk = await connectLun(server.url(0));
  const ledger = new Ledger(disk);
  const application = ledger.run();
  await sleep(500);

  const object = 'ledger';
  const report = await takeConsistent(client, { objects: [object], drivers: [ledger], name: 'good' });
  const good = ledger.recordsAtRest;
  step(`snapshot "good" with ${good} records, level ${report.level}; suspended for`, report.suspendedMs);
  await sleep(300);

  await ledger.destroy();
  demand((await ledger.count()) === 0, 'the ledger is destroyed');

  const { clone, cloneMs, redirectMs } = await restoreByRedirect(client, disk.session, {
    object,
    snapshotName: 'good',
  });
  step(`clone ${clone.name}, as LUN ${clone.lun} of ${clone.targetName}; made in`, cloneMs);
  step('the session is moved there; the application had no disk for', redirectMs);
  demand((await ledger.count()) === good, `the same session reads all ${good} records again`);

  await ledger.recover();
  await sleep(300);
  ledger.stop();
  await application;
  const total = await ledger.count();
  demand(total > good, `the application, never stopped, has gone on to ${total} records`);
  step('longest pause between two records of it, all in all', ledger.longestPauseMs);

  const evidence = await NbsDisk.open(client, { name: object, readOnly: true });
  demand((await new Ledger(evidence).count()) === 0, 'the destroyed disk is as it was, to be looked at');
  await evidence.close();
  await disk.close();
  await client.close();
  await server.stop();
}

/** With somebody else's: logins are redirected to a server that has the clone under the name of the target. */
async function drillWithLoginRedirect(): Promise<void> {
  const server = await serve('foreign');
  const initiator = await ForeignInitiator.open(server.url(0));
  if (initiator === undefined) {
    step('qemu-io is not installed: no initiator but ours to try login redirect with');
    await server.stop();
    return;
  }
  const clonePath = join(directory, 'foreign-good.lun');
  await initiator.write(0x11);
  const { set } = server.snapshots(0);
  await set.create({ name: 'good' });
  await initiator.write(0x22);
  demand(await initiator.reads(0x22), 'qemu-io has overwritten what the snapshot has');

  const startMs = performance.now();
  await cloneSnapshot(set, 'good', clonePath);
  const other = await createServer({
    portals: ['127.0.0.1:0'],
    targets: [{ iqn: IQN, luns: [{ path: clonePath }] }],
  });
  await other.start();
  step('another server has a clone of it under the same name; after', performance.now() - startMs);
  const movedMs = performance.now();
  await server.iscsi?.drain({ redirectTo: other.portals[0]!, timeoutMs: 5000 });
  demand(
    await initiator.reads(0x11),
    'qemu-io, in the same session as it sees it, reads what the snapshot has',
  );
  step('it was asked to log out, and sent there when it logged in again; in', performance.now() - movedMs);
  demand(other.iscsi?.sessions.length === 1, 'its session is with the other server');
  await initiator.close();
  await other.stop();
  await server.stop();
}

try {
  await drillWithRedirect();
  await drillWithLoginRedirect();
  step('the drill has passed');
} finally {
  await rm(directory, { recursive: true, force: true });
}
