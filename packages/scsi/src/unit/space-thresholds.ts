import { isPromise, type Clock } from '@lunbox/block';
import { ThresholdResource, type ProvisioningThreshold } from '../mode/provisioning-mode-page.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import type { ItlNexus } from './itl-nexus.ts';
import type { LogicalUnit } from './logical-unit.ts';
import { spaceWithin, type SpaceUsage } from './space-usage.ts';

/** How long a reading of the space usage is good for, so that writes do not ask again and again. */
const READING_MS = 1000;

/**
 * The soft thresholds of thin provisioning (SBC-3 4.7.3.7): one that is reached raises a unit attention, and can do so
 * again when it has been left meanwhile. Looked at by commands that may take space, once a second at most.
 */
export class SpaceThresholds {
  readonly #unit: LogicalUnit;
  readonly #clock: Clock;
  /** The descriptors that were reached when they were last looked at. */
  readonly #reached = new Set<number>();
  /** The same for those whose quota is less than what the unit can get: they hear of their own space. */
  #reachedBy = new WeakMap<ItlNexus, Set<number>>();
  #readAtMs = -Infinity;
  #reading = false;

  constructor(unit: LogicalUnit, clock: Clock) {
    this.#unit = unit;
    this.#clock = clock;
  }

  /** MODE SELECT has changed the thresholds: what they say is looked at afresh. */
  changed(): void {
    this.#reached.clear();
    this.#reachedBy = new WeakMap();
    this.#readAtMs = -Infinity;
  }

  /** A command of the nexus has taken space. Costs a test while no threshold is enabled. */
  check(by: ItlNexus): void {
    if (!this.#unit.modes.thresholdsEnabled || this.#reading) return;
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#readAtMs < READING_MS) return;
    this.#readAtMs = nowMs;
    try {
      const space = spaceWithin(this.#unit.readSpace(), by.rights.space);
      if (!isPromise(space)) return this.#compare(space, by);
      this.#reading = true;
      space
        .then((known) => this.#compare(known, by))
        .catch((error: unknown) => {
          by.host.reportInternalError(error);
        })
        .finally(() => {
          this.#reading = false;
        });
    } catch (error) {
      by.host.reportInternalError(error);
    }
  }

  #compare(space: SpaceUsage | undefined, by: ItlNexus): void {
    if (space === undefined) return;
    const { thresholds, singleInitiator } = this.#unit.modes.provisioning;
    const setBytes = this.#unit.limits.thresholdSetBlocks * this.#unit.blockSize;
    const hasQuota = by.rights.space !== undefined;
    const reached = hasQuota ? this.#reachedOf(by) : this.#reached;
    thresholds.forEach((threshold, index) => {
      if (!isReached(threshold, space, setBytes)) {
        reached.delete(index);
      } else if (!reached.has(index)) {
        reached.add(index);
        this.#tell(singleInitiator || hasQuota ? by : undefined);
      }
    });
  }

  #reachedOf(by: ItlNexus): Set<number> {
    const reached = this.#reachedBy.get(by) ?? new Set<number>();
    this.#reachedBy.set(by, reached);
    return reached;
  }

  #tell(only: ItlNexus | undefined): void {
    const condition = AdditionalSenseCode.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED;
    if (only === undefined) this.#unit.raiseAttention(condition);
    else only.attentions.raise(condition);
  }
}

function isReached(threshold: ProvisioningThreshold, space: SpaceUsage, setBytes: number): boolean {
  if (threshold.ENABLED === 0) return false;
  const limitBytes = threshold.THRESHOLD_COUNT * setBytes;
  if (threshold.THRESHOLD_RESOURCE === ThresholdResource.USED) return space.usedBytes >= limitBytes;
  return space.availableBytes <= limitBytes;
}
