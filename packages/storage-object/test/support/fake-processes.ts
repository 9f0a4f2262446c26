import type { ProcessIdentity, ProcessTable } from '../../src/index.ts';

/** A machine whose processes live and die as a test says. */
export class FakeProcesses implements ProcessTable {
  identity: ProcessIdentity;
  readonly running = new Set<number>();

  constructor(identity: Partial<ProcessIdentity> = {}) {
    this.identity = {
      host: 'alpha',
      bootId: '11111111-1111-1111-1111-111111111111',
      pidNamespace: 1,
      pid: 100,
      startTime: '7',
      ...identity,
    };
  }

  self(): Promise<ProcessIdentity> {
    return Promise.resolve(this.identity);
  }

  isRunning(identity: ProcessIdentity): Promise<boolean> {
    return Promise.resolve(this.running.has(identity.pid));
  }
}
