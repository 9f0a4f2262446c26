import { MemoryDevice, SimulatedClock, type MaybePromise, type WriteZeroesOptions } from '@lunbox/block';
import {
  CD_BLOCK_BYTES,
  type CdbDefinition,
  type ProtectionType,
  type UnitKind,
} from '../../../src/index.ts';
import { TestStore } from '../test-store.ts';
import { Harness, pattern, type Answer, type Initiator } from '../harness.ts';
import { protect } from '../protected.ts';

/** Memory that remembers what was asked of it: a witness of effects that is not a command. */
export class WitnessDevice extends MemoryDevice {
  /** The operations since the last look. */
  log: string[] = [];

  override read(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    this.log.push('read');
    return super.read(into, offset);
  }

  override write(
    from: readonly Uint8Array[],
    offset: number,
    options?: { fua?: boolean },
  ): MaybePromise<void> {
    this.log.push(options?.fua === true ? 'write-fua' : 'write');
    return super.write(from, offset);
  }

  override flush(): MaybePromise<void> {
    this.log.push('flush');
    return super.flush();
  }

  override writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): MaybePromise<void> {
    this.log.push('zeroes');
    return super.writeZeroes(offset, length, options);
  }

  /** Blocks as they are on the medium. */
  blocks(lba: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count * this.blockSize);
    void super.read([bytes], lba * this.blockSize);
    return bytes;
  }

  /** Puts blocks on the medium, past the unit. */
  put(lba: number, bytes: Uint8Array): void {
    void super.write([bytes], lba * this.blockSize);
  }
}

/** What an effect happens to: a unit of {@link SCENE_BLOCKS} blocks, the first half of them a pattern. */
export interface Scene {
  readonly harness: Harness;
  readonly device: WitnessDevice;
  readonly initiator: Initiator;
  readonly clock: SimulatedClock;
}

export const SCENE_BLOCKS = 128;

/** What the first half of the medium holds at the start. */
export const STORED: Uint8Array = pattern((SCENE_BLOCKS / 2) * 512);

/** A command that ends well on a scene, and how one sees that it did what it says. */
export interface CommandEffect {
  readonly command: CdbDefinition<never>;
  readonly cdb: Uint8Array;
  readonly dataOut?: Uint8Array;
  readonly prepare?: (scene: Scene) => unknown;
  /** The kind of unit. Default: a disk. Other kinds that have the command and no effect of their own do the same. */
  readonly kind?: UnitKind;
  /** The type of protection that the unit is formatted with. Default: it has no room for any. */
  readonly protection?: ProtectionType;
  /** Throws when there is no effect. */
  readonly check: (scene: Scene, answer: Answer) => unknown;
}

/** A row of an effect table. */
export function effect<T>(
  command: CdbDefinition<T>,
  fields: Partial<T>,
  check: CommandEffect['check'],
  more: Pick<CommandEffect, 'dataOut' | 'prepare' | 'kind' | 'protection'> = {},
): CommandEffect {
  return { command: command as CdbDefinition<never>, cdb: command.encode(fields), check, ...more };
}

/** A scene as an effect finds it. */
export async function openScene({ prepare, kind = 'disk', protection }: CommandEffect): Promise<Scene> {
  const blockSize = kind === 'cd-rom' ? CD_BLOCK_BYTES : 512;
  const device = new WitnessDevice({ size: SCENE_BLOCKS * blockSize, blockSize });
  device.put(0, STORED);
  const clock = new SimulatedClock();
  const stored = protection === undefined ? device : await protect(device, protection);
  const harness = new Harness(stored, { clock, kind, stateStore: new TestStore() });
  const { initiator } = harness;
  await initiator.settle();
  const scene = { harness, device, initiator, clock };
  await prepare?.(scene);
  device.log = [];
  return scene;
}

/** Puts a disc of so many blocks into the drive. */
export async function discScene({ harness, initiator }: Scene, blockCount: number): Promise<void> {
  await harness.unit.eject();
  harness.unit.insert(new WitnessDevice({ size: blockCount * CD_BLOCK_BYTES, blockSize: CD_BLOCK_BYTES }));
  await initiator.settle();
}
