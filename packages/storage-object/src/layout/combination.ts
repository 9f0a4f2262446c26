import {
  concat,
  FileDevice,
  mirror,
  slice,
  stripe,
  type BlockDevice,
  type MirrorDevice,
  type SliceDevice,
} from '@lunbox/block';
import { ContainerError } from '../container-error.ts';
import { CombinedDisk } from './combined-disk.ts';
import { growLayout } from './grow-layout.ts';
import { shrinkLayout } from './shrink-layout.ts';
import type { Seams } from '../seams.ts';
import type { HeaderChange } from '../twin-headers.ts';
import { judgeLayout, type JudgedLayout } from './judge-layout.ts';
import {
  foldLayout,
  isLost,
  isWithin,
  legName,
  mapMirrors,
  partsOf,
  type LayoutMirror,
  type LayoutNode,
  type LayoutPart,
  type LayoutSlice,
} from './layout.ts';
import { Mender, type SickLeg } from './mender.ts';
import type { MirrorEvent, MirrorHooks } from './mirror-event.ts';
import { PartSet } from './part-set.ts';
import type { PartOwner } from './part.ts';

/** What a combination is opened from. */
export interface CombinationRequest extends MirrorHooks {
  readonly owner: PartOwner;
  readonly layout: LayoutNode;
  readonly capacityBytes: number;
  readonly access: 'read' | 'write';
  /** The disk was not closed in order. */
  readonly unclean: boolean;
  readonly seams: Seams;
}

/** Space that the parts take. */
export interface PartSpace {
  readonly usedBytes: number;
  readonly availableBytes: number;
}

/** A leg of a mirror that is not in sync, and how far it has come. */
export interface LegProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** A disk that is made of several parts: locks them, puts them together, and mends its mirrors. */
export class Combination {
  readonly #request: CombinationRequest;
  readonly #parts: PartSet;
  #judged: JudgedLayout;
  #capacityBytes: number;
  /** The devices of the nodes of the layout that is in force. */
  readonly #mirrors = new Map<LayoutMirror, MirrorDevice>();
  readonly #slices = new Map<LayoutSlice, SliceDevice>();
  #root: BlockDevice | undefined;
  /** The disk: as much of the root as the capacity says. */
  #disk: CombinedDisk | undefined;
  #mender: Mender | undefined;
  #save: (layout: LayoutNode) => Promise<void> = () => Promise.reject(this.#failedError());

  private constructor(request: CombinationRequest, parts: PartSet) {
    this.#request = request;
    this.#parts = parts;
    this.#capacityBytes = request.capacityBytes;
    this.#judged = this.#judge();
  }

  /** Locks and checks all parts, and changes nothing. Throws a `ContainerError` that names the part that is wrong. */
  static async reserve(request: CombinationRequest): Promise<Combination> {
    const { owner, access, seams, layout } = request;
    const parts = new PartSet(owner, access, seams);
    await parts.reserve(partsOf(layout));
    const combination = new Combination(request, parts);
    const { fault } = combination.#judged;
    if (fault === undefined) return combination;
    await combination.release();
    throw fault;
  }

  /** A part was written by another program since it was closed. */
  get modified(): boolean {
    return this.#judged.modified;
  }

  /** Some part is still the one that the disk was made with, and no copy. */
  get hasOriginalParts(): boolean {
    return this.#parts.found.some(
      ({ leaf, continuity }) => leaf.kind === 'volume' || continuity !== 'foreign',
    );
  }

  /** The layout with what its mirrors hold now. */
  get layout(): LayoutNode {
    return mapMirrors(this.#judged.node, (node) => {
      const states = this.#mirrors.get(node)?.legStates;
      return states === undefined ? node : { ...node, states };
    });
  }

  /** True while some part does not hold what it should. */
  get degraded(): boolean {
    return [...this.#mirrors.values()].some(({ legStates }) =>
      legStates.some((state) => state !== 'in-sync'),
    );
  }

  /** Legs that are being resynced, by their {@link legName}. */
  get progress(): ReadonlyMap<string, LegProgress> {
    return this.#mender?.progress ?? new Map<string, LegProgress>();
  }

  /**
   * Takes the parts into use, for a new write session, and answers the disk. Nothing may be written before the layout
   * is kept.
   */
  async begin(opened: HeaderChange): Promise<CombinedDisk> {
    await this.#parts.begin(partsOf(this.#request.layout), opened);
    this.#judged = this.#judge();
    if (this.#judged.fault !== undefined) throw this.#judged.fault;
    this.#root = this.#build(this.#judged.node);
    this.#disk = new CombinedDisk(this.#root, this.#capacityBytes);
    this.#disk.onFault(() => void this.#mender?.close());
    return this.#disk;
  }

  /**
   * Makes the parts large enough for a larger disk, durably. The disk has its old size until the layout is kept and
   * {@link Combination.show} is called. Throws a `ContainerError` that says what stands in the way.
   */
  async grow(capacityBytes: number): Promise<void> {
    const { path } = this.#request.owner;
    const before = this.#judged.node;
    const after = growLayout(before, capacityBytes);
    if (this.degraded || this.#parts.lacksAny) throw degradedError(path);
    const sizes = new Map(partsOf(before).map(({ identity, sizeBytes }) => [identity, sizeBytes]));
    const parts = partsOf(after);
    await this.#parts.grow(parts.filter(({ identity, sizeBytes }) => sizes.get(identity) !== sizeBytes));
    this.#follow(before, after);
    this.#judged = { ...this.#judged, node: after };
    // What was on a volume, or in what a disk that was made smaller has left of a part, must not show up in the disk.
    await this.#root?.writeZeroes(this.#capacityBytes, capacityBytes - this.#capacityBytes, {
      mayUnmap: true,
    });
    await this.#root?.flush();
  }

  /** The layout of a smaller disk, or why there is none: `CONTAINER_BAD_SIZE`, `CONTAINER_PART_STALE`. */
  shrunk(capacityBytes: number): LayoutNode | ContainerError {
    const { path } = this.#request.owner;
    if (this.degraded || this.#parts.lacksAny) return degradedError(path);
    const after = shrinkLayout(this.#judged.node, capacityBytes);
    if (typeof after !== 'string') return after;
    return new ContainerError('CONTAINER_BAD_SIZE', `${path} cannot be made so small: ${after}`, { path });
  }

  /** Cuts the parts of a disk that nobody uses to a layout that is kept already. */
  async cut(layout: LayoutNode): Promise<void> {
    await this.#parts.shrink(partsOf(layout));
  }

  /** Whether the parts have room for a disk of this size, all of them and now. */
  hasRoom(capacityBytes: number): boolean {
    return (this.#root?.size ?? 0) >= capacityBytes;
  }

  /** The layout is kept: the disk has this size from now on, and who uses it is told. */
  show(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes;
    this.#disk?.grow(capacityBytes);
  }

  /** From now on what the mirrors hold is kept by `save`, and those that are not in sync are resynced. */
  start(opened: HeaderChange, save: (layout: LayoutNode) => Promise<void>): void {
    this.#save = save;
    if (this.#request.access === 'read') return;
    this.#mender = new Mender(this.#request.seams, {
      reopen: (leg) => this.#reopen(leg, opened),
      onStart: ({ device, index }) => {
        this.#tell('resyncing', this.#legOf(device, index));
      },
    });
    for (const device of this.#mirrors.values()) this.#mendAll(device);
  }

  /** Space that the parts take and can get, as the file systems say. */
  async space(): Promise<PartSpace> {
    const systems = new Map<bigint, { wantedBytes: number; availableBytes: number }>();
    let usedBytes = 0;
    for (const { leaf, file } of this.#parts.found) {
      const { allocatedBytes, deviceId } = await file.status();
      usedBytes += leaf.kind === 'volume' ? leaf.sizeBytes : allocatedBytes;
      if (leaf.kind === 'volume') continue;
      const system = systems.get(deviceId) ?? { wantedBytes: 0, availableBytes: await file.availableBytes() };
      system.wantedBytes += Math.max(0, leaf.sizeBytes - allocatedBytes);
      systems.set(deviceId, system);
    }
    // Of what the parts can still get, the disk has the share that it has of their sizes.
    const getBytes = [...systems.values()].reduce(
      (sum, each) => sum + Math.min(each.wantedBytes, each.availableBytes),
      0,
    );
    const partBytes = partsOf(this.#judged.node).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { usedBytes, availableBytes: Math.floor((getBytes * this.#capacityBytes) / partBytes) };
  }

  /** Space that what is stored takes, copies on other legs of mirrors not counted. */
  async storedBytes(): Promise<number> {
    const stored = new Map<string, number>();
    for (const { leaf, file } of this.#parts.found) {
      const usedBytes = leaf.kind === 'volume' ? leaf.sizeBytes : (await file.status()).allocatedBytes;
      stored.set(leaf.identity, usedBytes);
    }
    return foldLayout(this.#judged.node, ({ identity }) => stored.get(identity) ?? 0);
  }

  /** Flushes and closes the disk, marks its parts as closed in order, and lets go of them, also when flushing fails. */
  async close(): Promise<void> {
    await this.#mender?.close();
    const parts = partsOf(this.#request.layout);
    try {
      this.#disk?.checkSound();
      await this.#root?.close();
    } catch (error) {
      await this.#parts.release(parts);
      throw error;
    }
    await this.#parts.close(parts);
  }

  /** Lets go of the parts as they are. */
  async release(): Promise<void> {
    await this.#mender?.close();
    await this.#parts.release(partsOf(this.#request.layout));
  }

  /** Nobody keeps the layout: a disk that is only being made is not made without a part. */
  #failedError(): ContainerError {
    const { path } = this.#request.owner;
    return new ContainerError('CONTAINER_IO', `a part of ${path} has failed`, { path });
  }

  #judge(): JudgedLayout {
    const { layout, unclean } = this.#request;
    return judgeLayout(layout, { fateOf: (leaf) => this.#parts.fateOf(leaf), unclean });
  }

  #build(node: LayoutNode): BlockDevice {
    switch (node.kind) {
      case 'file':
      case 'volume':
        return this.#watched(node);
      case 'slice':
        return this.#buildSlice(node);
      case 'concat':
        return concat(node.parts.map((part) => this.#build(part)));
      case 'stripe':
        return stripe(
          node.parts.map((part) => this.#build(part)),
          { unitBytes: node.stripeBytes },
        );
      case 'mirror':
        return this.#buildMirror(node);
    }
  }

  /** A part that has failed to sync may be one that nothing stands in for. */
  #watched(leaf: LayoutPart): BlockDevice {
    const device = this.#parts.deviceOf(leaf);
    if (device instanceof FileDevice)
      device.onFault((fault) => {
        if (isLost(this.layout, (part) => this.#hasFailed(part))) this.#disk?.fault(fault, leaf.path);
      });
    return device;
  }

  #hasFailed(leaf: LayoutPart): boolean {
    const device = this.#parts.deviceOf(leaf);
    return device instanceof FileDevice && device.faulted !== undefined;
  }

  #buildSlice(node: LayoutSlice): SliceDevice {
    const device = slice(this.#build(node.part), { offset: node.offset, length: node.lengthBytes });
    this.#slices.set(node, device);
    return device;
  }

  #buildMirror(node: LayoutMirror): MirrorDevice {
    const legStates = this.#mirrors.get(node)?.legStates ?? node.states;
    const legs = node.parts.map((part) => this.#build(part));
    const device: MirrorDevice = mirror(legs, {
      legStates,
      onLegFailed: async (index) => {
        await this.#save(this.layout);
        this.#tell('failed', node.parts[index]);
        this.#mend(device, index, false);
      },
      onLegSynced: async (index) => {
        this.#disk?.checkSound();
        await this.#save(this.layout);
        this.#tell('in-sync', node.parts[index]);
      },
    });
    this.#mirrors.set(node, device);
    return device;
  }

  #tell(event: MirrorEvent['event'], leg: LayoutNode | undefined): void {
    const { onMirrorEvent, owner } = this.#request;
    if (leg !== undefined)
      onMirrorEvent?.({ path: owner.path, parts: partsOf(leg).map(({ path }) => path), event });
  }

  #mendAll(device: MirrorDevice): void {
    for (const index of device.legStates.keys()) this.#mend(device, index, true);
  }

  #mend(device: MirrorDevice, index: number, isNew: boolean): void {
    if (device.legStates[index] === 'in-sync') return;
    const part = this.#legOf(device, index);
    if (part === undefined) return;
    const firstTry = isNew && this.#parts.hasAll(part);
    this.#mender?.mend({ name: legName(part), device, index, firstTry });
  }

  /** A leg as the layout has it now; undefined when its mirror is no more, because what it belonged to was reopened. */
  #legOf(device: MirrorDevice, index: number): LayoutNode | undefined {
    const found = [...this.#mirrors].find(([, each]) => each === device);
    return found?.[0].parts[index];
  }

  /** The devices of a layout belong to that which takes its place, from the leaves to the root. */
  #follow(before: LayoutNode, after: LayoutNode): void {
    if (before === after || 'path' in before || 'path' in after) return;
    if (before.kind === 'slice' && after.kind === 'slice') {
      this.#follow(before.part, after.part);
      const device = this.#slices.get(before);
      this.#slices.delete(before);
      device?.grow(after.lengthBytes);
      if (device) this.#slices.set(after, device);
      return;
    }
    if (before.kind === 'slice' || after.kind === 'slice') return;
    before.parts.forEach((part, index) => {
      this.#follow(part, after.parts[index] as LayoutNode);
    });
    if (before.kind !== 'mirror' || after.kind !== 'mirror') return;
    const device = this.#mirrors.get(before);
    this.#mirrors.delete(before);
    if (device) this.#mirrors.set(after, device);
  }

  /** The parts of a leg that failed, opened anew; undefined while one of them is not there. */
  async #reopen(
    { device: mirrored, index }: SickLeg,
    opened: HeaderChange,
  ): Promise<BlockDevice | undefined> {
    const part = this.#legOf(mirrored, index);
    if (part === undefined) return undefined;
    const leaves = partsOf(part);
    await this.#parts.release(leaves);
    await this.#parts.reserve(leaves).catch((error: unknown) => this.#parts.lack(leaves, error));
    await this.#parts.begin(leaves, opened);
    if (!this.#parts.hasAll(part)) return undefined;
    const device = this.#build(part);
    for (const [node, inner] of this.#mirrors) if (isWithin(node, part)) this.#mendAll(inner);
    return device;
  }
}

function degradedError(path: string): ContainerError {
  const message = `${path} has a mirror of which a part is missing or not in sync; change its size when that is mended`;
  return new ContainerError('CONTAINER_PART_STALE', message, { path });
}
