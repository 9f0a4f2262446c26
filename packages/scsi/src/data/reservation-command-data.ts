import * as reserve from '../cdb/persistent-reserve-cdbs.ts';
import type { AnyCdbDefinition } from '../cdb/cdb-definition.ts';
import type { DataFormat } from '../description/data-format.ts';
import {
  buildFullReservationStatus,
  buildReservationCapabilities,
  buildReservationKeys,
  buildReservationReport,
  parseFullReservationStatus,
  parseReservationCapabilities,
  parseReservationKeys,
  parseReservationReport,
} from '../persistent-reservation/in-data.ts';
import {
  buildRegisterAndMoveList,
  buildReserveOutList,
  parseRegisterAndMoveList,
  parseReserveOutList,
} from '../persistent-reservation/out-list.ts';
import { ReservationType } from '../persistent-reservation/reservation-types.ts';
import type { CommandData } from './command-data.ts';

const NONE = 'no data';

const TYPES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(ReservationType).map(([name, type]) => [type, name.toLowerCase().replaceAll('_', ' ')]),
);

const MEANINGS = { type: TYPES, holds: TYPES };

function listFormat(takesInitiatorPorts: boolean): DataFormat {
  return {
    name: 'PERSISTENT RESERVE OUT parameter list',
    build: buildReserveOutList,
    parse: (data) => parseReserveOutList(data, takesInitiatorPorts),
  };
}

const LIST = listFormat(false);

function out(cdb: AnyCdbDefinition, dataOut: DataFormat = LIST): CommandData {
  return { cdb, dataIn: NONE, dataOut };
}

/** The data of PERSISTENT RESERVE IN and OUT. */
export const RESERVATION_DATA: readonly CommandData[] = [
  {
    cdb: reserve.PR_IN_READ_KEYS,
    dataIn: { name: 'reservation keys', build: buildReservationKeys, parse: parseReservationKeys },
    dataOut: NONE,
  },
  {
    cdb: reserve.PR_IN_READ_RESERVATION,
    dataIn: {
      name: 'reservation',
      build: buildReservationReport,
      parse: parseReservationReport,
      meanings: MEANINGS,
    },
    dataOut: NONE,
  },
  {
    cdb: reserve.PR_IN_REPORT_CAPABILITIES,
    dataIn: {
      name: 'reservation capabilities',
      build: buildReservationCapabilities,
      parse: parseReservationCapabilities,
    },
    dataOut: NONE,
  },
  {
    cdb: reserve.PR_IN_READ_FULL_STATUS,
    dataIn: {
      name: 'full reservation status',
      build: buildFullReservationStatus,
      parse: parseFullReservationStatus,
      meanings: MEANINGS,
    },
    dataOut: NONE,
  },
  out(reserve.PR_OUT_REGISTER, listFormat(true)),
  out(reserve.PR_OUT_RESERVE),
  out(reserve.PR_OUT_RELEASE),
  out(reserve.PR_OUT_CLEAR),
  out(reserve.PR_OUT_PREEMPT),
  out(reserve.PR_OUT_PREEMPT_AND_ABORT),
  out(reserve.PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY),
  out(reserve.PR_OUT_REGISTER_AND_MOVE, {
    name: 'REGISTER AND MOVE parameter list',
    build: buildRegisterAndMoveList,
    parse: parseRegisterAndMoveList,
  }),
];
