import type { ContainerHeader } from '../header.ts';
import { lookAtParts, problemsOf } from '../layout/layout-status.ts';
import type { LayoutNode } from '../layout/layout.ts';
import type { Seams } from '../seams.ts';
import { findGeometryFault, isBeingDeleted, isCombined } from '../twin-headers.ts';
import { formatUuid } from '../uuid.ts';
import { finding, type Finding, type FindingCode } from './finding.ts';

const CODES: Readonly<Record<string, FindingCode>> = {
  CONTAINER_PART_MISSING: 'PART_MISSING',
  CONTAINER_PART_WRONG: 'PART_WRONG',
  CONTAINER_PART_DAMAGED: 'PART_DAMAGED',
  CONTAINER_PART_STALE: 'PART_STALE',
};

/** Looks for what is wrong with the parts that a disk is made of. */
export async function checkParts(
  path: string,
  header: ContainerHeader,
  birthIdentity: Uint8Array | undefined,
  seams: Seams,
): Promise<Finding[]> {
  // What of it is gone already is meant to be.
  if (isBeingDeleted(header)) {
    const message = `the deletion of ${path} was cut short; say lunbox delete once more, and the rest goes`;
    return [finding('DELETION_UNFINISHED', message)];
  }
  if (!isCombined(header) || birthIdentity === undefined || findGeometryFault(header) !== undefined)
    return [];
  const layout = header.attributes.layout as LayoutNode;
  const owner = {
    path,
    birthIdentity: formatUuid(birthIdentity),
    session: header.writeSession,
    blockSize: header.blockSize,
  };
  const { fault, degraded } = problemsOf(layout, await lookAtParts(layout, owner, seams), owner);
  const found = fault === undefined ? [] : [finding(CODES[fault.code] ?? 'PART_DAMAGED', fault.message)];
  return [...found, ...degraded.map((message) => finding('MIRROR_DEGRADED', message))];
}
