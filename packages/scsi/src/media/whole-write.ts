import type { MaybePromise } from '@lunbox/block';
import type { Finished } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { ParameterList } from './parameter-list.ts';

/** The Data-Out of a command that writes all its blocks at once: counted and looked at like any other write. */
export class WholeWrite extends ParameterList {
  /**
   * @param writeBytes how much of the data goes to the medium
   * @param use writes it
   */
  constructor(
    itl: ItlNexus,
    startOffset: number,
    lengthBytes: number,
    writeBytes: number,
    use: (data: Uint8Array) => MaybePromise<Finished>,
  ) {
    super(itl, startOffset, lengthBytes, use);
    const { blockSize, statistics, tasks } = itl.unit;
    statistics.writes.begin(writeBytes / blockSize, tasks.startMs);
  }

  protected override ended(): number {
    this.itl.unit.thresholds.check(this.itl);
    return this.itl.unit.statistics.writes.end();
  }
}
