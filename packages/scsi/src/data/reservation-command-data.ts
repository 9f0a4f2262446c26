import * as reserve from '../cdb/persistent-reserve-cdbs.ts';
import type { DataFormat } from '../description/data-format.ts';
import { valueWords } from '../description/description.ts';
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
import { returns, takes, type CommandData } from './command-data-row.ts';

const TYPES = valueWords(ReservationType);
const MEANINGS = { type: TYPES, holds: TYPES };

function listFormat(takesInitiatorPorts: boolean): DataFormat {
  return {
    name: 'PERSISTENT RESERVE OUT parameter list',
    build: buildReserveOutList,
    parse: (data) => parseReserveOutList(data, takesInitiatorPorts),
  };
}

const LIST = listFormat(false);

/** The data of PERSISTENT RESERVE IN and OUT. */
export const RESERVATION_DATA: readonly CommandData[] = [
  returns(reserve.PR_IN_READ_KEYS, {
    name: 'reservation keys',
    build: buildReservationKeys,
    parse: parseReservationKeys,
  }),
  returns(reserve.PR_IN_READ_RESERVATION, {
    name: 'reservation',
    build: buildReservationReport,
    parse: parseReservationReport,
    meanings: MEANINGS,
  }),
  returns(reserve.PR_IN_REPORT_CAPABILITIES, {
    name: 'reservation capabilities',
    build: buildReservationCapabilities,
    parse: parseReservationCapabilities,
  }),
  returns(reserve.PR_IN_READ_FULL_STATUS, {
    name: 'full reservation status',
    build: buildFullReservationStatus,
    parse: parseFullReservationStatus,
    meanings: MEANINGS,
  }),
  takes(reserve.PR_OUT_REGISTER, listFormat(true)),
  takes(reserve.PR_OUT_RESERVE, LIST),
  takes(reserve.PR_OUT_RELEASE, LIST),
  takes(reserve.PR_OUT_CLEAR, LIST),
  takes(reserve.PR_OUT_PREEMPT, LIST),
  takes(reserve.PR_OUT_PREEMPT_AND_ABORT, LIST),
  takes(reserve.PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, LIST),
  takes(reserve.PR_OUT_REGISTER_AND_MOVE, {
    name: 'REGISTER AND MOVE parameter list',
    build: buildRegisterAndMoveList,
    parse: parseRegisterAndMoveList,
  }),
];
