import {
  parseFullReservationStatus,
  parseReservationCapabilities,
  parseReservationKeys,
  parseReservationReport,
  PR_IN_READ_FULL_STATUS,
  PR_IN_READ_KEYS,
  PR_IN_READ_RESERVATION,
  PR_IN_REPORT_CAPABILITIES,
} from '../../../src/index.ts';
import { key } from '../../support/registrant.ts';
import { CONFLICT, goodParsed, type Expected } from './expected.ts';
import type { Step } from './step.ts';
import { PORTS, type UnitModel } from './unit-model.ts';
import { nodePort } from './world.ts';

/** SPC-2 5.5.1: PERSISTENT RESERVE IN conflicts with RESERVE, whoever reserved. */
function unlessReserved(run: (unit: UnitModel) => Expected): (unit: UnitModel) => Expected {
  return (unit) => (unit.reservedBy === undefined ? run(unit) : CONFLICT);
}

const readKeys: () => Step = () => ({
  access: 'free',
  name: PR_IN_READ_KEYS.name,
  cdb: PR_IN_READ_KEYS.encode({ ALLOCATION_LENGTH: 4096 }),
  run: unlessReserved(({ reservations }) =>
    goodParsed(
      (data) => {
        const { generation, keys } = parseReservationKeys(data);
        return [generation, [...keys].sort()];
      },
      [
        reservations.generation,
        reservations.keys
          .filter((each) => each !== 0)
          .map(key)
          .sort(),
      ],
    ),
  ),
});

const readFullStatus: () => Step = () => ({
  access: 'free',
  name: PR_IN_READ_FULL_STATUS.name,
  cdb: PR_IN_READ_FULL_STATUS.encode({ ALLOCATION_LENGTH: 65_535 }),
  run: unlessReserved(({ reservations }) =>
    goodParsed(
      (data) => {
        const { generation, registrations } = parseFullReservationStatus(data);
        const shown = registrations.map((each) => {
          return `${each.initiatorPort} ${each.relativePort} ${each.key} ${each.holds ?? '-'}`;
        });
        return [generation, shown.sort()];
      },
      [
        reservations.generation,
        reservations
          .shown()
          .flatMap((each, node) => {
            if (each.key === 0) return [];
            return [`${nodePort(node)} ${(node % PORTS) + 1} ${key(each.key)} ${each.holds ?? '-'}`];
          })
          .sort(),
      ],
    ),
  ),
});

const readReservation: () => Step = () => ({
  access: 'free',
  name: PR_IN_READ_RESERVATION.name,
  cdb: PR_IN_READ_RESERVATION.encode({ ALLOCATION_LENGTH: 24 }),
  run: unlessReserved(({ reservations: { generation, reservation } }) =>
    goodParsed(parseReservationReport, {
      generation,
      ...(reservation && { reservation: { key: key(reservation.key), type: reservation.type } }),
    }),
  ),
});

/** SPC-4 6.15.4: what can be done, and whether the last registration asked for APTPL. */
const reportCapabilities: () => Step = () => ({
  access: 'free',
  name: PR_IN_REPORT_CAPABILITIES.name,
  cdb: PR_IN_REPORT_CAPABILITIES.encode({ ALLOCATION_LENGTH: 8 }),
  run: unlessReserved(({ reservations: { aptpl } }) =>
    goodParsed(
      (data) => {
        const { SIP_C, ATP_C, PTPL_C, PTPL_A } = parseReservationCapabilities(data);
        return [SIP_C, ATP_C, PTPL_C, PTPL_A];
      },
      [1, 1, 1, aptpl ? 1 : 0],
    ),
  ),
});

/** PERSISTENT RESERVE IN with each of its service actions. */
export const RESERVATION_REPORTS: readonly (() => Step)[] = [
  readKeys,
  readReservation,
  readFullStatus,
  reportCapabilities,
];
