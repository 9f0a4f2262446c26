import {
  BlockError,
  errnoName,
  randomBelow,
  SeededRandom,
  SimulatedDisk,
  type Disk,
  type DiskCall,
} from '@lunbox/block';
import {
  checkContainer,
  ContainerError,
  readContainerInfo,
  StorageObject,
  type CreateOptions,
  type NewProtection,
  type StorageObjectSeams,
} from '../../../src/index.ts';
import { FakeProcesses } from '../../support/fake-processes.ts';
import { settled } from '../../support/combined.ts';
import { HastyClock } from '../../support/moody-disk.ts';
import { CombinedSteps, COMBINED_UNIT } from './combined-steps.ts';
import { LifeSteps } from './life-steps.ts';
import { BLOCK, Model } from './model.ts';

/**
 * What goes wrong in a history: the power goes, or besides, calls of the disk fail, or the power goes from disks of
 * several parts, legs of whose mirrors fail and come back.
 */
export type Kind = 'storage-crashes' | 'storage-failures' | 'storage-combined';

/** Stands for software with a fault in it: what it makes of the disk that it is given. */
export type Flaw = (disk: Disk) => Disk;

const ROUNDS = 2;
const STEPS = 8;
const BLOCKS = 16;
const HEADERS_END = 320 << 10;
const CALLS: readonly DiskCall[] = [
  'open',
  'read',
  'write',
  'sync',
  'truncate',
  'status',
  'setModifiedTime',
  'punchHole',
  'allocate',
  'copyRange',
  'rename',
  'link',
  'unlink',
  'syncDirectory',
];
/** Room for protection information, with something in it. */
const PROTECTION: NewProtection = {
  areaBytes: 1 << 20,
  format: async ({ area }) => area.write([Buffer.alloc(512, 0x91)], 0),
};
/** Kinds of containers, half of which are ordinary. */
const KINDS: readonly (readonly [name: string, special: Partial<CreateOptions>])[] = [
  ['preallocated', { preallocate: true }],
  ['with protection', { protection: PROTECTION }],
  ['thin', {}],
  ['thin', {}],
];
const ERRNOS = ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS'] as const;

/** A life of containers in one directory: created, opened, written, changed, grown, copied, adopted, and cut short. */
export class ObjectHistory {
  readonly seen: Record<string, number> = {};
  readonly #random: SeededRandom;
  readonly #disk = new SimulatedDisk({ immediate: true });
  readonly #flawed: Disk;
  readonly #combined: CombinedSteps | undefined;
  readonly #kind: Kind;
  readonly #seed: number;
  #crashes = 0;
  #names = 0;
  #objects = 0;
  /** Of this round: its timers end with it. */
  #clock = new HastyClock();
  /** By path, the objects that have been answered for, and those that may be there. */
  readonly #models = new Map<string, Model>();
  readonly #certain = new Set<string>();
  readonly #life: LifeSteps;

  constructor(seed: number, kind: Kind, flaw: Flaw = (disk) => disk) {
    this.#random = new SeededRandom(seed);
    const flawed = flaw(this.#disk);
    const world = { random: this.#random, see: (what: string) => this.#see(what) };
    this.#combined = kind === 'storage-combined' ? new CombinedSteps(flawed, world) : undefined;
    this.#flawed = this.#combined?.disk ?? flawed;
    this.#kind = kind;
    this.#seed = seed;
    this.#life = new LifeSteps({
      disk: this.#disk,
      random: this.#random,
      models: this.#models,
      certain: this.#certain,
      see: (what) => this.#see(what),
    });
  }

  /** Plays it. Throws what went wrong. */
  async play(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      this.#planRound();
      let endedEarly = false;
      try {
        await this.#live();
      } catch (error) {
        this.#expect(error);
        endedEarly = true;
        this.#see(this.#disk.faults.halted ? 'power gone' : 'round ended by a failure');
      }
      this.#clock.stopped = true;
      this.#clock = new HastyClock();
      this.#combined?.endRound();
      this.#end(endedEarly);
      await this.#life.settle(this.#seams());
    }
    for (const path of this.#models.keys()) await this.#finish(path);
  }

  #planRound(): void {
    const { faults } = this.#disk;
    if (this.#below(5) > 0) faults.haltAfter(this.#below(60));
    if (this.#kind !== 'storage-failures') return;
    for (let count = 1 + this.#below(2); count > 0; count--) {
      const call = CALLS[this.#below(CALLS.length)] ?? 'sync';
      faults.fail(call, 1 + this.#below(12), ERRNOS[this.#below(ERRNOS.length)] ?? 'EIO');
    }
  }

  /** The power goes, or only the process: then what was written is still there, unless a sync has failed on it. */
  #end(endedEarly: boolean): void {
    const powerGoes = this.#disk.faults.halted || this.#below(2) === 0;
    if (powerGoes) this.#disk.crash(this.#seed * 16 + this.#crashes++);
    else {
      this.#disk.endProcesses();
      this.#crashes++;
      this.#see('processes ended');
    }
    if (powerGoes || endedEarly) for (const model of this.#models.values()) model.forget();
  }

  async #live(): Promise<void> {
    const paths = [...this.#certain];
    const path = paths[this.#below(paths.length + 1)] ?? (await this.#create());
    const object = await this.#open(path);
    const model = this.#model(path);
    for (let step = 0; step < STEPS; step++) {
      if (this.#below(3) === 0) await this.#combined?.moodSwing(path);
      await this.#step(object, model);
    }
    this.#combined?.recover();
    await this.#close(object, model);
    if (this.#combined === undefined && this.#below(2) === 0) return await this.#adopt(path);
    try {
      await this.#life.change(path, this.#seams());
    } catch (error) {
      // A sync that failed may have lost what no flush has covered yet.
      model.forget();
      this.#tolerate(error);
    }
  }

  async #create(): Promise<string> {
    const path = `/disk${++this.#objects}.lun`;
    const sizeBytes = this.#combined ? this.#below(4) * COMBINED_UNIT + COMBINED_UNIT : this.#someBlocks();
    this.#models.set(path, new Model(sizeBytes));
    const [name, special] = this.#combined?.choose(path) ?? KINDS[this.#below(KINDS.length)]!;
    const object = await StorageObject.create(path, { ...this.#seams(), sizeBytes, ...special });
    this.#see(`created, ${name}`);
    this.#certain.add(path);
    this.#see('created');
    await object.close();
    return path;
  }

  /** Opens an object and holds it against its model; from now on it is what was found. */
  async #open(path: string, seams = this.#seams()): Promise<StorageObject> {
    const object = await StorageObject.open(path, seams);
    this.#certain.add(path);
    const model = this.#model(path);
    this.#see(`opened ${object.continuity}`);
    const { size } = object.device;
    if (!model.sizes.includes(size))
      throw new Error(`${path} has ${size} bytes, not ${model.sizes.join(' or ')}`);
    const { name } = object.attributes;
    if (!model.names.includes(name))
      throw new Error(`${path} is named ${name}, not ${model.names.join(' or ')}`);
    const identity = Buffer.from(object.identity).toString('hex');
    if (identity !== (model.identity ?? identity)) throw new Error(`${path} has changed its identity`);
    const isCopy = model.identity === undefined && path.includes('copy');
    if (!isCopy && object.continuity === 'foreign') throw new Error(`${path} passes for a copy`);
    this.#checkIdentity(path, identity);
    Object.assign(model, { identity, sizes: [size], names: [name] });
    model.cut(size);
    model.extend(size);
    const content = Buffer.alloc(size);
    await object.device.read([content], 0);
    const fault = model.findFault(content);
    if (fault !== undefined) throw new Error(`${path}: ${fault}`);
    model.learn(content);
    return object;
  }

  #checkIdentity(path: string, identity: string): void {
    for (const [other, model] of this.#models) {
      if (other !== path && model.identity === identity)
        throw new Error(`${path} and ${other} have one identity`);
    }
  }

  async #step(object: StorageObject, model: Model): Promise<void> {
    const choice = this.#below(8);
    if (choice < 4) return await this.#write(object, model);
    if (choice < 6) return await this.#flush(object, model);
    if (choice === 6) return await this.#rename(object, model);
    return await this.#grow(object, model);
  }

  async #write({ device }: StorageObject, model: Model): Promise<void> {
    const index = this.#below(device.size / BLOCK);
    const value = this.#below(256);
    // Before the answer, too: the power may go in the middle.
    model.write(index, value);
    try {
      if (value === 0) await device.unmap(index * BLOCK, BLOCK);
      else await device.write([Buffer.alloc(BLOCK, value)], index * BLOCK);
      this.#see('written');
    } catch (error) {
      model.spoil(index);
      this.#tolerate(error);
    }
  }

  async #flush({ device }: StorageObject, model: Model): Promise<void> {
    try {
      await device.flush();
      model.flush();
      this.#see('flushed');
    } catch (error) {
      model.forget();
      this.#tolerate(error);
    }
  }

  async #rename(object: StorageObject, model: Model): Promise<void> {
    const name = `name ${++this.#names}${'.'.repeat(this.#below(2) * this.#below(9000))}`;
    model.names.push(name);
    try {
      await object.updateAttributes({ name });
      model.names = [name];
      this.#see('attributes changed');
    } catch (error) {
      model.forget();
      this.#tolerate(error);
    }
  }

  async #grow(object: StorageObject, model: Model): Promise<void> {
    const unit = this.#combined === undefined ? BLOCK : COMBINED_UNIT;
    const sizeBytes = Math.max(...model.sizes) + this.#below(BLOCKS) * unit;
    model.sizes.push(sizeBytes);
    try {
      await object.grow(sizeBytes);
      model.sizes = [sizeBytes];
      model.extend(sizeBytes);
      this.#see('grown');
    } catch (error) {
      model.forget();
      // Writes go on without the leg that fails; growing takes all of them.
      if (this.#combined?.legsFailed === true && isFailure(error)) this.#see('not grown for a failed leg');
      else this.#tolerate(error);
    }
  }

  async #close(object: StorageObject, model: Model): Promise<void> {
    try {
      await object.close();
      model.flush();
      this.#see('closed');
    } catch (error) {
      model.forget();
      this.#tolerate(error);
    }
  }

  /** Copies the file as `cp` does, and opens the copy, which has to get an identity of its own. */
  async #adopt(path: string): Promise<void> {
    const copyPath = `/copy${++this.#objects}.lun`;
    try {
      await this.#copyFile(path, copyPath);
    } catch (error) {
      // It is no part of what is tested; a copy that is not whole is left alone.
      if (errnoName(error) === undefined && !isFailure(error)) throw error;
      return;
    }
    this.#models.set(copyPath, this.#model(path).copy());
    this.#certain.add(copyPath);
    const object = await this.#open(copyPath);
    this.#see('adopted');
    await this.#close(object, this.#model(copyPath));
  }

  async #copyFile(path: string, copyPath: string): Promise<void> {
    const { dataOffset } = await readContainerInfo(path, { disk: this.#disk });
    const source = await this.#disk.open(path, 'read');
    const target = await this.#disk.open(copyPath, 'create');
    const { sizeBytes } = await source.status();
    await target.truncate(sizeBytes);
    // The headers, and the disk; what lies between is a hole.
    for (const [start, end] of [
      [0, HEADERS_END],
      [dataOffset, sizeBytes],
    ] as const) {
      const bytes = Buffer.alloc(end - start);
      await source.read([bytes], start);
      await target.write([bytes], start);
    }
    await target.sync();
    await target.close();
    await source.close();
    await this.#disk.syncDirectory('/');
  }

  /** At the end everything works again: each object opens, takes an update, closes, and is sound. */
  async #finish(path: string): Promise<void> {
    const seams = this.#seams();
    let object: StorageObject;
    try {
      object = await this.#open(path, seams);
    } catch (error) {
      const isNotThere = error instanceof ContainerError && error.code === 'CONTAINER_NOT_FOUND';
      if (isNotThere && !this.#certain.has(path)) return;
      throw error;
    }
    const model = this.#model(path);
    await this.#rename(object, model);
    if (this.#combined !== undefined) await settled(object);
    await object.close();
    const { findings } = await checkContainer(path, seams);
    const first = findings.find(({ severity }) => severity !== 'note');
    if (first !== undefined) throw new Error(`${path} is not sound: ${first.code}: ${first.message}`);
  }

  /** A failure that was planned lets the round go on, a loss of power ends it, and all else is wrong. */
  #tolerate(error: unknown): void {
    this.#expect(error);
    if (this.#disk.faults.halted) throw error;
    this.#see(`failed ${(error as ContainerError | BlockError).code}`);
  }

  /** Throws an error on that neither the power nor a planned failure accounts for. */
  #expect(error: unknown): void {
    const { halted } = this.#disk.faults;
    if (this.#combined !== undefined && isOfPart(error, halted)) return;
    const isPossible = halted || this.#kind === 'storage-failures';
    if (!isPossible || !isFailure(error)) throw error;
  }

  #seams(): StorageObjectSeams {
    // Every start is another process: those before it are gone.
    const processes = new FakeProcesses({ pid: 1000 + this.#crashes });
    return { disk: this.#flawed, random: this.#random, processes, clock: this.#clock };
  }

  #model(path: string): Model {
    const model = this.#models.get(path);
    if (model === undefined) throw new Error(`no model of ${path}`);
    return model;
  }

  #someBlocks(): number {
    return (1 + this.#below(BLOCKS)) * BLOCK;
  }

  #below(limit: number): number {
    return randomBelow(this.#random, limit);
  }

  #see(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }
}

/** What an object of several parts answers without power, or while a leg is behind. */
function isOfPart(error: unknown, halted: boolean): boolean {
  if (!(error instanceof ContainerError)) return false;
  return error.code === 'CONTAINER_PART_STALE' || (halted && error.code.startsWith('CONTAINER_PART_'));
}

/** What a disk without power, or with a failure, may end in. That a file is damaged is none of it. */
function isFailure(error: unknown): boolean {
  if (error instanceof ContainerError) return error.code === 'CONTAINER_IO';
  return error instanceof BlockError;
}
