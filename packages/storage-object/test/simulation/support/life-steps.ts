import { errnoName, randomBelow, type Random, type SimulatedDisk } from '@lunbox/block';
import {
  deleteContainer,
  exportContainer,
  importImage,
  renameContainer,
  repairContainer,
  shrinkContainer,
  StorageObject,
  type ContainerError,
  type StorageObjectSeams,
} from '../../../src/index.ts';
import { HEADER_SLOTS } from '../../../src/format.ts';
import { dropHeaders, readCurrentHeader } from '../../../src/twin-headers.ts';
import { BLOCK, type Model } from './model.ts';

/** What a history has, and what it knows. */
export interface LifeWorld {
  readonly disk: SimulatedDisk;
  readonly random: Random;
  /** By path. */
  readonly models: Map<string, Model>;
  /** Paths of which a container was answered for. */
  readonly certain: Set<string>;
  see(what: string): void;
}

/** What happens to containers that nobody has open: each may be cut short. */
export class LifeSteps {
  readonly #world: LifeWorld;
  /** Changes of names that have no answer: the path that is left alone, and what it stands for. */
  #renaming: readonly [string, string] | undefined;
  #deleting: string | undefined;
  readonly #gone = new Set<string>();
  #damaged: string | undefined;
  #numbers = 0;

  constructor(world: LifeWorld) {
    this.#world = world;
  }

  /** Does one of them; throws what it throws. */
  async change(path: string, seams: StorageObjectSeams): Promise<void> {
    const steps = [this.#rename, this.#delete, this.#shrink, this.#import, this.#repair];
    await steps[randomBelow(this.#world.random, steps.length)]!.call(this, path, seams);
  }

  /** After the power, or the process: what had no answer is found out, and nothing that was answered is undone. */
  async settle(seams: StorageObjectSeams): Promise<void> {
    const { disk, models, certain } = this.#world;
    const names = new Set((await disk.readdir('/')).map((name) => `/${name}`));
    for (const path of this.#gone) if (names.has(path)) throw new Error(`${path} was deleted, and is back`);
    if (this.#renaming !== undefined) {
      const [from, to] = this.#renaming;
      this.#renaming = undefined;
      if (!names.has(from) && !names.has(to)) throw new Error(`${from} has lost its name, and is not ${to}`);
      if (names.has(from) && names.has(to)) {
        // Two names of one file, of which one goes.
        await disk.unlink(to);
        await disk.syncDirectory('/');
      }
      if (!names.has(from)) this.#move(from, to);
    }
    if (this.#deleting !== undefined && (!names.has(this.#deleting) || (await this.#wasDecided(seams)))) {
      models.delete(this.#deleting);
      certain.delete(this.#deleting);
    }
    this.#deleting = undefined;
    if (this.#damaged === undefined) return;
    const path = this.#damaged;
    this.#damaged = undefined;
    const { check } = await repairContainer(path, { ...seams, apply: true });
    if (check.verdict !== 'note' && check.verdict !== 'warning')
      throw new Error(`${path} cannot be repaired: ${check.findings[0]?.message}`);
  }

  /** Whether the disk whose deletion was cut short says so itself, as those of several parts do; then it is deleted. */
  async #wasDecided(seams: StorageObjectSeams): Promise<boolean> {
    const path = this.#deleting ?? '';
    try {
      await (await StorageObject.open(path, seams)).close();
      return false;
    } catch (error) {
      if ((error as ContainerError).code !== 'CONTAINER_DELETING') throw error;
      await deleteContainer(path, { ...seams, force: true });
      this.#world.see('deleted in two goes');
      return true;
    }
  }

  async #rename(path: string, seams: StorageObjectSeams): Promise<void> {
    const to = path.replace(/^\/([a-z]+).*/, `/$1-renamed${++this.#numbers}.lun`);
    this.#renaming = [path, to];
    await renameContainer(path, to, seams);
    this.#renaming = undefined;
    this.#move(path, to);
    this.#gone.add(path);
    this.#world.see('renamed');
  }

  #move(from: string, to: string): void {
    const { models, certain } = this.#world;
    const model = models.get(from);
    if (model === undefined) throw new Error(`no model of ${from}`);
    models.delete(from);
    models.set(to, model);
    certain.delete(from);
    certain.add(to);
  }

  async #delete(path: string, seams: StorageObjectSeams): Promise<void> {
    this.#deleting = path;
    await deleteContainer(path, { ...seams, force: true });
    this.#deleting = undefined;
    this.#world.models.delete(path);
    this.#world.certain.delete(path);
    this.#gone.add(path);
    this.#world.see('deleted');
  }

  async #shrink(path: string, seams: StorageObjectSeams): Promise<void> {
    const model = this.#model(path);
    const [sizeBytes = BLOCK] = model.sizes;
    const smaller = (1 + randomBelow(this.#world.random, sizeBytes / BLOCK)) * BLOCK;
    model.sizes.push(smaller);
    try {
      await shrinkContainer(path, smaller, { ...seams, discardData: true });
    } catch (error) {
      if ((error as ContainerError).code !== 'CONTAINER_BAD_SIZE') throw error;
      // One with protection information keeps its size.
      model.sizes = [sizeBytes];
      return;
    }
    model.sizes = [smaller];
    model.cut(smaller);
    this.#world.see('shrunk');
  }

  /** Exports a disk and makes another one of the image, which takes the place of the image. */
  async #import(path: string, seams: StorageObjectSeams): Promise<void> {
    const { models, certain } = this.#world;
    const image = `/image${++this.#numbers}.lun`;
    await exportContainer(path, image, seams);
    this.#world.see('exported');
    const model = this.#model(path).copy();
    model.names = [undefined];
    await importImage(image, image, { ...seams, preallocate: randomBelow(this.#world.random, 2) === 0 });
    models.set(image, model);
    certain.add(image);
    this.#world.see('imported');
  }

  /** Damages what is not in force, and mends it. */
  async #repair(path: string, seams: StorageObjectSeams): Promise<void> {
    try {
      await this.#damage(path);
    } catch (error) {
      // Damaging is no part of what is tested.
      if (errnoName(error) === undefined) throw error;
      return;
    }
    await repairContainer(path, { ...seams, apply: true });
    this.#damaged = undefined;
    this.#world.see('repaired');
  }

  async #damage(path: string): Promise<void> {
    const file = await this.#world.disk.open(path, 'write');
    // Which is in force is what the medium says, also after a failed sync.
    await dropHeaders(file);
    const { slot } = await readCurrentHeader(file);
    const header = HEADER_SLOTS[slot === 'A' ? 'B' : 'A'].offset;
    // Of a copy with protection information nothing tells what its first block held.
    const offset = path.includes('copy') || randomBelow(this.#world.random, 2) === 0 ? header : 0;
    // From here on it may be damaged.
    this.#damaged = path;
    await file.write([Buffer.alloc(1024, 0xee)], offset);
    await file.sync();
    await file.close();
  }

  #model(path: string): Model {
    const model = this.#world.models.get(path);
    if (model === undefined) throw new Error(`no model of ${path}`);
    return model;
  }
}
