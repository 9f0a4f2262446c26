import { formatUuid, UUID_BYTES } from '../uuid.ts';
import type { Random } from '@lunbox/block';
import { findLayoutFault, sizeOf, type LayoutNode } from './layout.ts';

/** A layout that is to be made: sizes of parts are worked out where they are left out. */
export type NewLayout =
  | {
      readonly kind: 'file' | 'volume';
      /** Absolute, or relative to the directory of the container. */
      readonly path: string;
      /** Default: what is needed, or in a concatenation of volumes all that there is. */
      readonly sizeBytes?: number;
    }
  | { readonly kind: 'stripe'; readonly stripeBytes: number; readonly parts: readonly NewLayout[] }
  | { readonly kind: 'concat' | 'mirror'; readonly parts: readonly NewLayout[] }
  | {
      readonly kind: 'slice';
      readonly offset: number;
      readonly lengthBytes: number;
      readonly part: NewLayout;
    };

/** Bytes that can be had of each volume, by its path in the layout. */
export type VolumeRooms = ReadonlyMap<string, number>;

/** What a plan needs. */
export interface PlanRequest {
  readonly layout: NewLayout;
  /** Capacity of the disk. */
  readonly sizeBytes: number;
  readonly blockSize: number;
  readonly rooms: VolumeRooms;
  readonly random: Random;
}

/** Works out the parts of a new combination, or says in words why there can be none. */
export function planLayout(request: PlanRequest): LayoutNode | string {
  const { layout, sizeBytes, blockSize } = request;
  let planned: LayoutNode;
  try {
    planned = new Plan(request).node(layout, sizeBytes);
  } catch (error) {
    if (error instanceof PlanFault) return error.message;
    throw error;
  }
  const fault = findLayoutFault(planned, blockSize);
  if (fault !== undefined) return fault;
  const planBytes = sizeOf(planned);
  return planBytes >= sizeBytes ? planned : `its parts have ${planBytes} bytes of ${sizeBytes}`;
}

class PlanFault extends Error {}

class Plan {
  readonly #request: PlanRequest;

  constructor(request: PlanRequest) {
    this.#request = request;
  }

  /** The layout with a size for each part, so that it has at least `wantedBytes`. */
  node(layout: NewLayout, wantedBytes: number): LayoutNode {
    switch (layout.kind) {
      case 'file':
      case 'volume':
        return this.#part(layout, wantedBytes);
      case 'stripe': {
        const { stripeBytes, parts } = layout;
        const units = Math.ceil(wantedBytes / (stripeBytes * parts.length));
        return {
          kind: 'stripe',
          stripeBytes,
          parts: parts.map((part) => this.node(part, units * stripeBytes)),
        };
      }
      case 'mirror':
        return this.#mirror(layout.parts, wantedBytes);
      case 'concat':
        return { kind: 'concat', parts: this.#concat(layout.parts, wantedBytes) };
      case 'slice': {
        const { offset, lengthBytes, part } = layout;
        return { kind: 'slice', offset, lengthBytes, part: this.node(part, offset + lengthBytes) };
      }
    }
  }

  #part({ kind, path, sizeBytes }: Extract<NewLayout, { path: string }>, wantedBytes: number): LayoutNode {
    const roomBytes = this.#request.rooms.get(path) ?? Infinity;
    const chosenBytes = sizeBytes ?? wantedBytes;
    if (chosenBytes > roomBytes)
      throw new PlanFault(`${path} has room for ${roomBytes} bytes of ${chosenBytes}`);
    const identity = formatUuid(this.#request.random.bytes(UUID_BYTES));
    return { kind, path, identity, sizeBytes: chosenBytes };
  }

  /** What was on a volume before differs from leg to leg, so they are made alike first. */
  #mirror(layouts: readonly NewLayout[], wantedBytes: number): LayoutNode {
    const parts = layouts.map((part) => this.node(part, wantedBytes));
    const written = layouts.some(hasVolume);
    return {
      kind: 'mirror',
      parts,
      states: parts.map((_, i) => (i > 0 && written ? 'unsynced' : 'in-sync')),
    };
  }

  /** What the parts with a size of their own leave is shared out among the others. */
  #concat(layouts: readonly NewLayout[], wantedBytes: number): LayoutNode[] {
    const { blockSize } = this.#request;
    const own = layouts.map((layout) => this.#ownBytes(layout));
    const openCount = own.filter((bytes) => bytes === undefined).length;
    const restBytes = wantedBytes - own.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
    if (openCount > 0 && restBytes <= 0) throw new PlanFault('nothing is left for its parts without a size');
    const shareBytes = Math.ceil(restBytes / openCount / blockSize) * blockSize;
    return layouts.map((layout, index) => this.node(layout, own[index] ?? shareBytes));
  }

  #ownBytes(layout: NewLayout): number | undefined {
    if ('path' in layout) return layout.sizeBytes ?? this.#request.rooms.get(layout.path);
    if (layout.kind === 'slice') return layout.lengthBytes;
    const sizes = layout.parts.map((part) => this.#ownBytes(part));
    const known = sizes.filter((size) => size !== undefined);
    if (known.length < sizes.length) return undefined;
    if (layout.kind === 'concat') return known.reduce((sum, size) => sum + size, 0);
    const smallest = Math.min(...known);
    if (layout.kind !== 'stripe') return smallest;
    return Math.floor(smallest / layout.stripeBytes) * layout.stripeBytes * known.length;
  }
}

function hasVolume(layout: NewLayout): boolean {
  if ('path' in layout) return layout.kind === 'volume';
  return (layout.kind === 'slice' ? [layout.part] : layout.parts).some(hasVolume);
}

/** How backing files go together where nobody says it part by part. */
export interface LayoutHints {
  /** 0: striped; 1: mirrored; 10: pairs of mirrors, striped. Default: one after the other. */
  readonly raidLevel?: number;
  readonly stripeBytes?: number;
}

const DEFAULT_STRIPE_BYTES = 64 * 1024;

/** The layout that hints choose for some parts, or in words why there is none. */
export function layoutFromHints(hints: LayoutHints, parts: readonly NewLayout[]): NewLayout | string {
  const { raidLevel, stripeBytes = DEFAULT_STRIPE_BYTES } = hints;
  const [only] = parts;
  if (only === undefined) return 'a layout needs a part';
  switch (raidLevel) {
    case undefined:
      return parts.length === 1 ? only : { kind: 'concat', parts };
    case 0:
      return { kind: 'stripe', stripeBytes, parts };
    case 1:
      return parts.length < 2 ? 'RAID 1 needs two parts or more' : { kind: 'mirror', parts };
    case 10: {
      if (parts.length < 4 || parts.length % 2 !== 0)
        return 'RAID 10 needs four parts or more, and pairs of them';
      const pairs = parts.flatMap((part, index) =>
        index % 2 === 0 ? [[part, parts[index + 1] as NewLayout]] : [],
      );
      return { kind: 'stripe', stripeBytes, parts: pairs.map((pair) => ({ kind: 'mirror', parts: pair })) };
    }
    default:
      return `there is no RAID level ${raidLevel} here; use 0, 1 or 10`;
  }
}
