import type { MirrorLegState } from '@lunbox/block';

/** A backing file, or a raw volume (a block device), that a combination stores its blocks in. */
export interface LayoutPart {
  readonly kind: 'file' | 'volume';
  /** Absolute, or relative to the directory of the container. */
  readonly path: string;
  /** What the part is recognised by, in UUID form. */
  readonly identity: string;
  /** Bytes of the part that are used. */
  readonly sizeBytes: number;
}

/** Bytes dealt out over the parts, `stripeBytes` to each in turn. */
export interface LayoutStripe {
  readonly kind: 'stripe';
  readonly stripeBytes: number;
  readonly parts: readonly LayoutNode[];
}

/** The parts one after the other. */
export interface LayoutConcat {
  readonly kind: 'concat';
  readonly parts: readonly LayoutNode[];
}

/** The same content in every part. */
export interface LayoutMirror {
  readonly kind: 'mirror';
  readonly parts: readonly LayoutNode[];
  /** What each part holds. */
  readonly states: readonly MirrorLegState[];
}

/** Some consecutive bytes of a part. */
export interface LayoutSlice {
  readonly kind: 'slice';
  readonly offset: number;
  readonly lengthBytes: number;
  readonly part: LayoutNode;
}

/** How a disk is put together, as the attribute `layout` says it. */
export type LayoutNode = LayoutPart | LayoutStripe | LayoutConcat | LayoutMirror | LayoutSlice;

/** Parts that one combination may have. */
export const LAYOUT_PART_LIMIT = 64;
/** How deep a combination may be nested; a part alone is 1 deep. */
export const LAYOUT_DEPTH_LIMIT = 8;

const LEG_STATES: readonly unknown[] = ['in-sync', 'unsynced', 'stale'] satisfies MirrorLegState[];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Fields = Readonly<Record<string, unknown>>;

/** Says what is wrong with what should be a layout; undefined when it is a {@link LayoutNode}. */
export function findLayoutFault(value: unknown, blockSize: number): string | undefined {
  const fault = faultOf(value, blockSize, 1);
  if (fault !== undefined) return fault;
  const parts = partsOf(value as LayoutNode);
  if (parts.length > LAYOUT_PART_LIMIT) return `it has ${parts.length} parts`;
  if (new Set(parts.map(({ identity }) => identity)).size < parts.length) return 'it has a part twice';
  if (new Set(parts.map(({ path }) => path)).size < parts.length) return 'it has a part twice';
  return sizeOf(value as LayoutNode) > 0 ? undefined : 'it is empty';
}

function faultOf(value: unknown, blockSize: number, depth: number): string | undefined {
  if (depth > LAYOUT_DEPTH_LIMIT) return 'it is nested too deep';
  if (typeof value !== 'object' || value === null) return 'a part of it is no object';
  const fields = value as Fields;
  const check = CHECKS[String(fields['kind'])];
  if (check === undefined) return `it has a part of kind ${String(fields['kind'])}`;
  const own = check(fields, blockSize);
  if (own !== undefined) return own;
  const children = 'part' in fields ? [fields['part']] : (fields['parts'] ?? []);
  for (const child of children as unknown[]) {
    const fault = faultOf(child, blockSize, depth + 1);
    if (fault !== undefined) return fault;
  }
  if (fields['kind'] !== 'slice') return undefined;
  const { offset, lengthBytes, part } = fields as unknown as LayoutSlice;
  return offset + lengthBytes <= sizeOf(part) ? undefined : 'a slice leaves its part';
}

const isSize = (value: unknown, unit: number, least = unit): boolean =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) % unit === 0;
const areParts = (value: unknown): value is unknown[] =>
  Array.isArray(value) && value.length >= 1 && value.length <= LAYOUT_PART_LIMIT;

function faultOfPart({ path, identity, sizeBytes }: Fields, blockSize: number): string | undefined {
  if (typeof path !== 'string' || path.length === 0) return 'a part has no path';
  if (typeof identity !== 'string' || !UUID.test(identity)) return `${path} has no identity`;
  return isSize(sizeBytes, blockSize) ? undefined : `${path} has ${String(sizeBytes)} bytes`;
}

const NO_PARTS = 'it has a combination without parts';

const CHECKS: Readonly<Record<string, (fields: Fields, blockSize: number) => string | undefined>> = {
  file: faultOfPart,
  volume: faultOfPart,
  stripe: ({ stripeBytes, parts }, blockSize) => {
    if (!areParts(parts)) return NO_PARTS;
    return isSize(stripeBytes, blockSize) ? undefined : `it has a stripe of ${String(stripeBytes)} bytes`;
  },
  concat: ({ parts }) => (areParts(parts) ? undefined : NO_PARTS),
  mirror: ({ parts, states }) => {
    if (!areParts(parts)) return NO_PARTS;
    const known = Array.isArray(states) && states.every((state) => LEG_STATES.includes(state));
    if (known && states.length === parts.length && states.includes('in-sync')) return undefined;
    return 'it has a mirror of which no part is in sync';
  },
  slice: ({ offset, lengthBytes, part }, blockSize) => {
    if (part === undefined) return NO_PARTS;
    return isSize(offset, blockSize, 0) && isSize(lengthBytes, blockSize)
      ? undefined
      : 'it has a slice of nothing';
  },
};

/** Bytes that a layout stores. */
export function sizeOf(node: LayoutNode): number {
  switch (node.kind) {
    case 'file':
    case 'volume':
      return node.sizeBytes;
    case 'slice':
      return node.lengthBytes;
    case 'concat':
      return node.parts.reduce((sum, part) => sum + sizeOf(part), 0);
    case 'mirror':
      return Math.min(...node.parts.map(sizeOf));
    case 'stripe': {
      const smallest = Math.min(...node.parts.map(sizeOf));
      return Math.floor(smallest / node.stripeBytes) * node.stripeBytes * node.parts.length;
    }
  }
}

/** The backing files and volumes of a layout, from left to right. */
export function partsOf(node: LayoutNode): LayoutPart[] {
  if ('path' in node) return [node];
  return (node.kind === 'slice' ? [node.part] : node.parts).flatMap(partsOf);
}

/** The same layout with other mirrors. */
export function mapMirrors(node: LayoutNode, change: (mirror: LayoutMirror) => LayoutMirror): LayoutNode {
  if ('path' in node) return node;
  if (node.kind === 'slice') return { ...node, part: mapMirrors(node.part, change) };
  const parts = node.parts.map((part) => mapMirrors(part, change));
  // What is known of a mirror is asked of the node that it was built from.
  return node.kind === 'mirror' ? { ...change(node), parts } : { ...node, parts };
}

/** Tells a leg of a mirror from all others: the parts that it is made of. */
export function legName(leg: LayoutNode): string {
  return partsOf(leg)
    .map(({ identity }) => identity)
    .join();
}

/** The sum of what `valueOf` says of the parts, of the legs of a mirror that of the largest only. */
export function foldLayout(node: LayoutNode, valueOf: (part: LayoutPart) => number): number {
  if ('path' in node) return valueOf(node);
  const values = (node.kind === 'slice' ? [node.part] : node.parts).map((part) => foldLayout(part, valueOf));
  return node.kind === 'mirror' ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0);
}

/** Whether nothing is left that a node is whole on: of a mirror every leg in use has failed, of others one part. */
export function isLost(node: LayoutNode, hasFailed: (part: LayoutPart) => boolean): boolean {
  if ('path' in node) return hasFailed(node);
  if (node.kind === 'slice') return isLost(node.part, hasFailed);
  if (node.kind !== 'mirror') return node.parts.some((part) => isLost(part, hasFailed));
  return node.parts.every((part, index) => node.states[index] === 'stale' || isLost(part, hasFailed));
}

/** Whether a node is one of a tree. */
export function isWithin(node: LayoutNode, tree: LayoutNode): boolean {
  if (node === tree) return true;
  if ('path' in tree) return false;
  return (tree.kind === 'slice' ? [tree.part] : tree.parts).some((part) => isWithin(node, part));
}
