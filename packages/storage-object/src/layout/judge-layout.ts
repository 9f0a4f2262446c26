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
  /** A part may have been written in a session that the disk does not know of. */
  readonly ahead: boolean;
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
      if (fate instanceof ContainerError) return { node, fault: fate, modified: false, ahead: false };
      const fault = fate === 'old' ? oldError(node) : undefined;
      return { node, fault, modified: fate === 'modified', ahead: fate === 'ahead' };
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
      const [modified, ahead] = [parts.some((part) => part.modified), parts.some((part) => part.ahead)];
      return { node: { ...node, parts: parts.map((part) => part.node) }, fault, modified, ahead };
    }
  }
}

function judgeMirror(node: LayoutMirror, evidence: LayoutEvidence): JudgedLayout {
  const legs = node.parts.map((part) => judgeLayout(part, evidence));
  // What was written in a session that the disk does not know of is on the legs that were taken into use for it.
  const isAhead = legs.some(({ ahead, fault }, index) => ahead && !fault && node.states[index] !== 'stale');
  const states = legs.map(({ fault, modified, ahead }, index): MirrorLegState => {
    const before = node.states[index] as MirrorLegState;
    if (fault !== undefined || before === 'stale') return 'stale';
    return modified || (!ahead && isAhead) ? 'unsynced' : before;
  });
  const indexOf = (state: MirrorLegState, among = legs): number =>
    states.findIndex((each, index) => each === state && among.includes(legs[index] as JudgedLayout));
  const choices = [
    indexOf('in-sync'),
    indexOf(
      'unsynced',
      legs.filter((leg) => leg.ahead),
    ),
    indexOf('unsynced'),
  ];
  const first = choices.find((index) => index >= 0) ?? -1;
  const parts = legs.map((leg) => leg.node);
  const modified = legs.some((leg, index) => leg.modified && states[index] !== 'stale');
  if (first < 0) {
    const fault = legs.find((leg, index) => leg.fault !== undefined && node.states[index] !== 'stale')?.fault;
    return { node: { ...node, parts }, fault, modified, ahead: isAhead };
  }
  const settled = states.map((state, index): MirrorLegState => {
    if (index === first) return 'in-sync';
    return state === 'in-sync' && (evidence.unclean || isAhead) ? 'unsynced' : state;
  });
  return { node: { ...node, parts, states: settled }, fault: undefined, modified, ahead: isAhead };
}

function oldError({ path }: LayoutPart): ContainerError {
  const message = `the disk was written without the part ${path}; put back the one that was used last`;
  return new ContainerError('CONTAINER_PART_STALE', message, { path });
}
