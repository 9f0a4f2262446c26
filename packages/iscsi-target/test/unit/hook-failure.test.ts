import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

describe('a hook that fails', () => {
  let surfaced: (() => void)[];

  beforeEach(() => {
    surfaced = [];
    vi.stubGlobal('queueMicrotask', (callback: () => void) => surfaced.push(callback));
  });

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const fail = (): never => {
    throw new Error('defect of the embedder');
  };

  it('refuses when it was to decide, and the error surfaces', async () => {
    const targets = [{ name: TARGET_NAME, scsi: new ScriptedScsi() }];
    const initiator = new TestInitiator(new TargetEngine(targets, {}, { hooks: { authorise: fail } }));
    await expect(initiator.login()).rejects.toThrow('"statusClass":2,"statusDetail":2');
    expect(surfaced).toHaveLength(1);
    expect(surfaced[0]).toThrow('defect of the embedder');
  });

  it('redirects nowhere and admits nobody: status 0300h', async () => {
    const targets = [{ name: TARGET_NAME, scsi: new ScriptedScsi() }];
    const initiator = new TestInitiator(new TargetEngine(targets, {}, { hooks: { redirect: fail } }));
    await expect(initiator.login()).rejects.toThrow('"statusClass":3,"statusDetail":0');
    expect(surfaced).toHaveLength(1);
  });

  it('admits nobody when it answers with a promise, as plain JavaScript may', async () => {
    const authorise = (): boolean => Promise.resolve(true) as unknown as boolean;
    const targets = [{ name: TARGET_NAME, scsi: new ScriptedScsi() }];
    const initiator = new TestInitiator(new TargetEngine(targets, {}, { hooks: { authorise } }));
    await expect(initiator.login()).rejects.toThrow('"statusClass":2,"statusDetail":2');
  });

  it('changes nothing when it was only told, and the error surfaces', async () => {
    const targets = [{ name: TARGET_NAME, scsi: new ScriptedScsi() }];
    const hooks = { onSessionStart: fail, onSessionEnd: fail };
    const initiator = new TestInitiator(new TargetEngine(targets, {}, { hooks }));
    await initiator.login();
    initiator.connection.disconnected();
    expect(surfaced).toHaveLength(2);
    expect(initiator.engine.sessions).toEqual([]);
  });
});
