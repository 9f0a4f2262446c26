import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import type { PortGroup, PortGroupChange, TargetPortAddress } from './target-ports.ts';

/** What is to become of one of several groups. */
export interface NamedGroupChange extends PortGroupChange {
  readonly group: number;
}

/**
 * A target port through which the unit can be reached, whether somebody uses it or not; returns its group. Initiators
 * that are there hear of one that is new, as VPD page 88h has changed. Throws a RangeError as `TargetPorts.add` does.
 */
export function addTargetPort(unit: LogicalUnit, port: TargetPortAddress): PortGroup {
  if (unit.targetPorts.add(port)) unit.raiseAttention(AdditionalSenseCode.INQUIRY_DATA_HAS_CHANGED);
  return unit.targetPorts.group(port.portalGroupTag)!;
}

/**
 * Changes target port groups, all or none, for an initiator or for whoever runs the target; everybody else hears of it.
 * Throws a RangeError when the unit has no such group.
 */
export function changeAccess(unit: LogicalUnit, changes: readonly NamedGroupChange[], by?: ItlNexus): void {
  const groups = changes.map(({ group: number }) => {
    const group = unit.targetPorts.group(number);
    if (group === undefined) throw new RangeError(`there is no target port group ${number}`);
    return group;
  });
  const changer = by === undefined ? 'target' : 'initiator';
  const changed = groups.map((group, index) => group.change(changes[index]!, changer));
  if (changed.includes(true)) unit.raiseAttention(AdditionalSenseCode.ASYMMETRIC_ACCESS_STATE_CHANGED, by);
}
