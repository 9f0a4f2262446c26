import type { MirrorLegState } from '@lunbox/block';
import { ContainerError } from '../container-error.ts';
import type { Seams } from '../seams.ts';
import type { LegProgress } from './combination.ts';
import { judgeLayout, type PartFate } from './judge-layout.ts';
import { legName, partsOf, sizeOf, type LayoutNode, type LayoutPart } from './layout.ts';
import { lookAtPart, partPath, type PartOwner } from './part.ts';

/** One part of a disk, or a combination of parts, as people are told of it. */
export interface LayoutStatus {
  readonly kind: LayoutNode['kind'];
  readonly sizeBytes: number;
  /** Of a stripe. */
  readonly stripeBytes?: number;
  /** Of a slice: where it begins in its part. */
  readonly offset?: number;
  /** Of a file or a volume, as the layout names it. */
  readonly path?: string;
  /** Of a file or a volume, in UUID form. */
  readonly identity?: string;
  /** Space that a file takes; undefined when it was not looked at. */
  readonly usedBytes?: number;
  /** What is wrong with a file or a volume; undefined when nothing is, or it was not looked at. */
  readonly problem?: string;
  /** Of a leg of a mirror: what it holds. */
  readonly state?: MirrorLegState;
  /** Of a leg that is being resynced. */
  readonly resync?: LegProgress;
  readonly parts?: readonly LayoutStatus[];
}

/** What was found of a part. */
export interface PartFinding {
  readonly fate: PartFate;
  readonly usedBytes: number | undefined;
}

/** What was found of the parts of a disk, by their identities. */
export type PartFindings = ReadonlyMap<string, PartFinding>;

/** The tree of a disk that is open, or of one whose parts were looked at. */
export function describeLayout(
  node: LayoutNode,
  progress: ReadonlyMap<string, LegProgress>,
  findings?: PartFindings,
): LayoutStatus {
  const common = { kind: node.kind, sizeBytes: sizeOf(node) };
  switch (node.kind) {
    case 'file':
    case 'volume':
      return {
        ...common,
        path: node.path,
        identity: node.identity,
        ...foundOf(findings?.get(node.identity)),
      };
    case 'slice':
      return { ...common, offset: node.offset, parts: [describeLayout(node.part, progress, findings)] };
    case 'mirror': {
      const parts = node.parts.map((part, index) => {
        const resync = progress.get(legName(part));
        const state = node.states[index] as MirrorLegState;
        return { ...describeLayout(part, progress, findings), state, ...(resync ? { resync } : {}) };
      });
      return { ...common, parts };
    }
    default: {
      const parts = node.parts.map((part) => describeLayout(part, progress, findings));
      return { ...common, ...(node.kind === 'stripe' ? { stripeBytes: node.stripeBytes } : {}), parts };
    }
  }
}

function foundOf(found: PartFinding | undefined): Pick<LayoutStatus, 'usedBytes' | 'problem'> {
  if (found === undefined) return {};
  const { fate, usedBytes } = found;
  const problem = problemOf(fate);
  return { ...(usedBytes === undefined ? {} : { usedBytes }), ...(problem === undefined ? {} : { problem }) };
}

function problemOf(fate: PartFate): string | undefined {
  if (fate instanceof ContainerError) return fate.message;
  if (fate === 'old') return 'the disk was written without it';
  return fate === 'modified' ? 'another program has written to it' : undefined;
}

/** Looks at the parts of a disk without a lock. */
export async function lookAtParts(layout: LayoutNode, owner: PartOwner, seams: Seams): Promise<PartFindings> {
  const findings = new Map<string, PartFinding>();
  for (const leaf of partsOf(layout)) findings.set(leaf.identity, await lookAt(leaf, owner, seams));
  return findings;
}

async function lookAt(leaf: LayoutPart, owner: PartOwner, seams: Seams): Promise<PartFinding> {
  try {
    const { trust, status } = await lookAtPart(leaf, owner, seams);
    const usedBytes = leaf.kind === 'volume' ? leaf.sizeBytes : status.allocatedBytes;
    return { fate: trust, usedBytes };
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    return { fate: error, usedBytes: undefined };
  }
}

/** What is wrong with the parts of a disk that nobody has open. */
export interface LayoutProblems {
  /** Why the disk cannot be served. */
  readonly fault: ContainerError | undefined;
  /** Legs of mirrors that are not in sync, or cannot be used, in words. */
  readonly degraded: readonly string[];
}

/** Judges what was found of the parts. */
export function problemsOf(layout: LayoutNode, findings: PartFindings, owner: PartOwner): LayoutProblems {
  const { node, fault } = judgeLayout(layout, {
    fateOf: (leaf) => (findings.get(leaf.identity) as PartFinding).fate,
    unclean: false,
  });
  const degraded = mirrorsOf(node).flatMap(({ parts, states }) =>
    parts.flatMap((part, index) =>
      states[index] === 'in-sync' ? [] : [legProblem(part, states[index], findings, owner)],
    ),
  );
  return { fault: fault ?? wrongPart(findings), degraded };
}

/** A wrong part is refused also where a mirror could do without it. */
function wrongPart(findings: PartFindings): ContainerError | undefined {
  const errors = [...findings.values()].map(({ fate }) => fate);
  return errors.find((fate) => fate instanceof ContainerError && fate.code === 'CONTAINER_PART_WRONG') as
    ContainerError | undefined;
}

function legProblem(
  part: LayoutNode,
  state: MirrorLegState | undefined,
  findings: PartFindings,
  owner: PartOwner,
): string {
  const leaves = partsOf(part);
  const problem = leaves
    .map(({ identity }) => problemOf((findings.get(identity) as PartFinding).fate))
    .find((text) => text !== undefined);
  const names = leaves.map((leaf) => partPath(owner.path, leaf)).join(', ');
  return `the leg ${names} of a mirror is ${String(state)}${problem === undefined ? '' : `: ${problem}`}`;
}

function mirrorsOf(node: LayoutNode): Extract<LayoutNode, { kind: 'mirror' }>[] {
  if ('path' in node) return [];
  const inner = (node.kind === 'slice' ? [node.part] : node.parts).flatMap(mirrorsOf);
  return node.kind === 'mirror' ? [node, ...inner] : inner;
}
