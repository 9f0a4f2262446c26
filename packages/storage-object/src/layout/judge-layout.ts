import type { MirrorLegState } from '@lunbox/block';
import { ContainerError } from '../container-error.ts';
import type { LayoutMirror, LayoutNode, LayoutPart } from './layout.ts';
import type { PartTrust } from './part.ts';

/** What has become of a part: it is there, or why it is not. */
export type PartFate = PartTrust | ContainerError;

/** A layout with what its mirrors hold now. */
export interface JudgedLayout {
  readonly node: LayoutNode;
  /** Why it cannot be used; undefined when it can. */
  readonly fault: ContainerError | undefined;
  /** A part was written by another program. */
  readonly modified: boolean;
}

/** What to judge by. */
export interface LayoutEvidence {
  readonly fateOf: (part: LayoutPart) => PartFate;
  /** The disk was not closed in order: what was in flight may be on some legs of a mirror and not on others. */
  readonly unclean: boolean;
}

/** Finds out whether a layout can be used, and which legs of its mirrors are good. */
export function judgeLayout(node: LayoutNode, evidence: LayoutEvidence): JudgedLayout {
  switch (node.kind) {
    case 'file':
    case 'volume': {
      const fate = evidence.fateOf(node);
      if (fate instanceof ContainerError) return { node, fault: fate, modified: false };
      return { node, fault: fate === 'old' ? oldError(node) : undefined, modified: fate === 'modified' };
    }
    case 'slice': {
      const part = judgeLayout(node.part, evidence);
      return { ...part, node: { ...node, part: part.node } };
    }
    case 'mirror':
      return judgeMirror(node, evidence);
    default: {
      const parts = node.parts.map((part) => judgeLayout(part, evidence));
      const fault = parts.find((part) => part.fault !== undefined)?.fault;
      const modified = parts.some((part) => part.modified);
      return { node: { ...node, parts: parts.map((part) => part.node) }, fault, modified };
    }
  }
}

function judgeMirror(node: LayoutMirror, evidence: LayoutEvidence): JudgedLayout {
  const legs = node.parts.map((part) => judgeLayout(part, evidence));
  const states = legs.map(({ fault, modified }, index): MirrorLegState => {
    const before = node.states[index] as MirrorLegState;
    if (fault !== undefined || before === 'stale') return 'stale';
    return modified ? 'unsynced' : before;
  });
  const first = states.includes('in-sync') ? states.indexOf('in-sync') : states.indexOf('unsynced');
  const parts = legs.map((leg) => leg.node);
  const modified = legs.some((leg, index) => leg.modified && states[index] !== 'stale');
  if (first < 0) {
    const fault = legs.find((leg, index) => leg.fault !== undefined && node.states[index] !== 'stale')?.fault;
    return { node: { ...node, parts }, fault, modified };
  }
  const settled = states.map((state, index): MirrorLegState => {
    if (index === first) return 'in-sync';
    return state === 'in-sync' && evidence.unclean ? 'unsynced' : state;
  });
  return { node: { ...node, parts, states: settled }, fault: undefined, modified };
}

function oldError({ path }: LayoutPart): ContainerError {
  const message = `the disk was written without the part ${path}; put back the one that was used last`;
  return new ContainerError('CONTAINER_PART_STALE', message, { path });
}
