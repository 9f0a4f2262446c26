import { sizeOf, type LayoutNode } from './layout.ts';

/**
 * The same layout with at least `wantedBytes`: what can grow is made larger, and a part is never made smaller. Of a
 * concatenation the last part grows, of a stripe and a mirror all of them. The shape stays as it is.
 */
export function growLayout(node: LayoutNode, wantedBytes: number): LayoutNode {
  if (sizeOf(node) >= wantedBytes) return node;
  switch (node.kind) {
    case 'file':
    case 'volume':
      return { ...node, sizeBytes: wantedBytes };
    case 'slice':
      return { ...node, lengthBytes: wantedBytes, part: growLayout(node.part, node.offset + wantedBytes) };
    case 'stripe': {
      const unitCount = Math.ceil(wantedBytes / (node.stripeBytes * node.parts.length));
      return { ...node, parts: node.parts.map((part) => growLayout(part, unitCount * node.stripeBytes)) };
    }
    case 'mirror':
      return { ...node, parts: node.parts.map((part) => growLayout(part, wantedBytes)) };
    case 'concat': {
      const missingBytes = wantedBytes - sizeOf(node);
      const last = node.parts.length - 1;
      const parts = node.parts.map((part, index) =>
        index === last ? growLayout(part, sizeOf(part) + missingBytes) : part,
      );
      return { ...node, parts };
    }
  }
}
