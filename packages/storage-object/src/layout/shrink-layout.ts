import { sizeOf, type LayoutNode } from './layout.ts';

/**
 * The same layout with `wantedBytes`, or a little more where the shape asks for it; or, in words, why there is none.
 * Of a concatenation the last part gets smaller, of a stripe and a mirror all of them. The shape stays as it is.
 */
export function shrinkLayout(node: LayoutNode, wantedBytes: number): LayoutNode | string {
  if (sizeOf(node) <= wantedBytes) return node;
  switch (node.kind) {
    case 'file':
    case 'volume':
      return { ...node, sizeBytes: wantedBytes };
    case 'slice': {
      const part = shrinkLayout(node.part, node.offset + wantedBytes);
      return typeof part === 'string' ? part : { ...node, lengthBytes: wantedBytes, part };
    }
    case 'stripe': {
      const unitCount = Math.ceil(wantedBytes / (node.stripeBytes * node.parts.length));
      const parts = shrinkAll(node.parts, () => unitCount * node.stripeBytes);
      return typeof parts === 'string' ? parts : { ...node, parts };
    }
    case 'mirror': {
      const parts = shrinkAll(node.parts, () => wantedBytes);
      return typeof parts === 'string' ? parts : { ...node, parts };
    }
    case 'concat': {
      const last = node.parts.length - 1;
      const restBytes = node.parts.slice(0, last).reduce((sum, part) => sum + sizeOf(part), 0);
      const lastBytes = wantedBytes - restBytes;
      if (lastBytes <= 0)
        return `a concatenation loses no part: more than ${restBytes} bytes have to stay in this one`;
      const parts = shrinkAll(node.parts, (index) => (index === last ? lastBytes : Infinity));
      return typeof parts === 'string' ? parts : { ...node, parts };
    }
  }
}

function shrinkAll(
  nodes: readonly LayoutNode[],
  bytesOf: (index: number) => number,
): readonly LayoutNode[] | string {
  const shrunk = nodes.map((node, index) => shrinkLayout(node, bytesOf(index)));
  const fault = shrunk.find((each) => typeof each === 'string');
  return fault ?? (shrunk as LayoutNode[]);
}
