import { u16be, u32be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidParameter } from '../sense/check-condition-error.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { nexusName, type NexusName } from './nexus-name.ts';
import { keyBytes, keyText } from './reservation-key.ts';
import { buildTransportId, parseTransportId, transportIdBytes } from './transport-id.ts';

interface BasicList {
  RESERVATION_KEY: Uint8Array;
  SERVICE_ACTION_RESERVATION_KEY: Uint8Array;
  SPEC_I_PT: number;
  ALL_TG_PT: number;
  APTPL: number;
}

/** Basic PERSISTENT RESERVE OUT parameter list (SPC-4 table 214). */
const basicList: Structure<BasicList> = structure(24, [
  bytes(8, 'RESERVATION_KEY'),
  bytes(8, 'SERVICE_ACTION_RESERVATION_KEY'),
  bytes(4),
  flags('RESERVED:4', 'SPEC_I_PT', 'ALL_TG_PT', 'RESERVED', 'APTPL'),
  bytes(3),
]);

interface AdditionalParameters {
  TRANSPORTID_PARAMETER_DATA_LENGTH: number;
}

/** What follows the basic list with SPEC_I_PT (SPC-4 table 215). */
const additionalParameters: Structure<AdditionalParameters> = structure(4, [
  u32be('TRANSPORTID_PARAMETER_DATA_LENGTH'),
]);

interface MoveList {
  RESERVATION_KEY: Uint8Array;
  SERVICE_ACTION_RESERVATION_KEY: Uint8Array;
  UNREG: number;
  APTPL: number;
  RELATIVE_TARGET_PORT_IDENTIFIER: number;
  TRANSPORTID_LENGTH: number;
}

/** REGISTER AND MOVE parameter list (SPC-4 table 217). */
const moveList: Structure<MoveList> = structure(24, [
  bytes(8, 'RESERVATION_KEY'),
  bytes(8, 'SERVICE_ACTION_RESERVATION_KEY'),
  bytes(1),
  flags('RESERVED:6', 'UNREG', 'APTPL'),
  u16be('RELATIVE_TARGET_PORT_IDENTIFIER'),
  u32be('TRANSPORTID_LENGTH'),
]);

/** Length of the list that every service action takes, and of the start of longer ones. */
export const OUT_LIST_BYTES = 24;

/** Longest list that is taken: more TransportIDs than there may be registrations do not fit into it. */
export const MAX_OUT_LIST_BYTES = 65_535;

/** Where fields lie in the lists, for field pointers. */
export const OutListOffset = {
  SERVICE_ACTION_KEY: 8,
  FLAGS: 20,
  SPEC_I_PT_BIT: 3,
  APTPL_BIT: 0,
  TRANSPORT_IDS: 28,
  MOVE_FLAGS: 17,
  RELATIVE_TARGET_PORT: 18,
  MOVE_TRANSPORT_ID: 24,
} as const;

/** The parameter list of every service action but REGISTER AND MOVE. */
export interface ReserveOutList {
  /** RESERVATION KEY of the sender: 16 hexadecimal digits. */
  readonly key: string;
  /** SERVICE ACTION RESERVATION KEY: 16 hexadecimal digits. */
  readonly serviceActionKey: string;
  /** ALL_TG_PT: register through every target port. */
  readonly allTargetPorts: boolean;
  /** APTPL: registrations and reservation survive a loss of power. */
  readonly aptpl: boolean;
  /** Names of more initiator ports to register; undefined: SPEC_I_PT is 0. */
  readonly initiatorPorts?: readonly string[];
}

/** The parameter list of REGISTER AND MOVE. */
export interface RegisterAndMoveList {
  /** RESERVATION KEY of the sender: 16 hexadecimal digits. */
  readonly key: string;
  /** The key to register the destination with: 16 hexadecimal digits. */
  readonly serviceActionKey: string;
  /** UNREG: the sender unregisters. */
  readonly unregister: boolean;
  /** APTPL: registrations and reservation survive a loss of power. */
  readonly aptpl: boolean;
  /** The nexus that becomes the holder. */
  readonly destination: NexusName;
}

/**
 * A parameter list for {@link parseReserveOutList}. Throws a RangeError for a key or port name that does not
 * fit.
 */
export function buildReserveOutList(list: Partial<ReserveOutList>): Uint8Array<ArrayBuffer> {
  const { initiatorPorts } = list;
  const basic = basicList.encode({
    ...encodeKeys(list),
    SPEC_I_PT: initiatorPorts === undefined ? 0 : 1,
    ALL_TG_PT: list.allTargetPorts === true ? 1 : 0,
    APTPL: list.aptpl === true ? 1 : 0,
  });
  if (initiatorPorts === undefined) return basic;
  const transportIds = concatBytes(initiatorPorts.map(buildTransportId));
  const length = { TRANSPORTID_PARAMETER_DATA_LENGTH: transportIds.length };
  return concatBytes([basic, additionalParameters.encode(length), transportIds]);
}

/**
 * A parameter list for {@link parseRegisterAndMoveList}. Throws a RangeError for a key or name that does not
 * fit.
 */
export function buildRegisterAndMoveList(
  list: Partial<RegisterAndMoveList> & Pick<RegisterAndMoveList, 'destination'>,
): Uint8Array<ArrayBuffer> {
  const transportId = buildTransportId(list.destination.initiatorPort);
  const fixed = moveList.encode({
    ...encodeKeys(list),
    UNREG: list.unregister === true ? 1 : 0,
    APTPL: list.aptpl === true ? 1 : 0,
    RELATIVE_TARGET_PORT_IDENTIFIER: list.destination.relativePort,
    TRANSPORTID_LENGTH: transportId.length,
  });
  return concatBytes([fixed, transportId]);
}

/**
 * Reads the parameter list of every service action but REGISTER AND MOVE. `takesInitiatorPorts` says whether
 * SPEC_I_PT is allowed, which it is for REGISTER only. Throws a CheckConditionError for a list that SPC-4
 * 6.16.3 forbids.
 */
export function parseReserveOutList(list: Uint8Array, takesInitiatorPorts: boolean): ReserveOutList {
  if (list.length < OUT_LIST_BYTES) throw listLengthError();
  const fields = basicList.decode(list);
  if (fields.SPEC_I_PT === 1 && !takesInitiatorPorts) {
    throw invalidParameter(OutListOffset.FLAGS, OutListOffset.SPEC_I_PT_BIT);
  }
  if (fields.SPEC_I_PT === 0 && list.length !== OUT_LIST_BYTES) throw listLengthError();
  return {
    ...decodeKeys(fields),
    allTargetPorts: fields.ALL_TG_PT === 1,
    aptpl: fields.APTPL === 1,
    ...(fields.SPEC_I_PT === 1 ? { initiatorPorts: parseInitiatorPorts(list) } : {}),
  };
}

/** Reads the parameter list of REGISTER AND MOVE. Throws a CheckConditionError as SPC-4 6.16.4 says. */
export function parseRegisterAndMoveList(list: Uint8Array): RegisterAndMoveList {
  const fields = moveList.decode(list);
  const end = OUT_LIST_BYTES + fields.TRANSPORTID_LENGTH;
  if (list.length < OUT_LIST_BYTES || end > list.length) throw listLengthError();
  const transportId = list.subarray(OUT_LIST_BYTES, end);
  if (transportIdBytes(transportId, 0) > transportId.length) throw listLengthError();
  const initiatorPort = parseTransportId(transportId);
  if (initiatorPort === undefined) throw invalidParameter(OutListOffset.MOVE_TRANSPORT_ID);
  return {
    ...decodeKeys(fields),
    unregister: fields.UNREG === 1,
    aptpl: fields.APTPL === 1,
    destination: nexusName(initiatorPort, fields.RELATIVE_TARGET_PORT_IDENTIFIER),
  };
}

/** The list must hold all that its length field counts, and the last TransportID must not be cut off. */
function parseInitiatorPorts(list: Uint8Array): string[] {
  const start: number = OutListOffset.TRANSPORT_IDS;
  const fields = additionalParameters.decode(list, OUT_LIST_BYTES);
  const end = start + fields.TRANSPORTID_PARAMETER_DATA_LENGTH;
  if (end > list.length) throw listLengthError();
  const ports: string[] = [];
  for (let at = start; at < end;) {
    const next = at + transportIdBytes(list, at);
    if (next > end) throw listLengthError();
    const port = parseTransportId(list.subarray(at, next));
    if (port === undefined) throw invalidParameter(at);
    ports.push(port);
    at = next;
  }
  return ports;
}

type Keys = Pick<ReserveOutList, 'key' | 'serviceActionKey'>;

function encodeKeys(keys: Partial<Keys>): Partial<BasicList> {
  return {
    ...(keys.key === undefined ? {} : { RESERVATION_KEY: keyBytes(keys.key) }),
    ...(keys.serviceActionKey === undefined
      ? {}
      : { SERVICE_ACTION_RESERVATION_KEY: keyBytes(keys.serviceActionKey) }),
  };
}

function decodeKeys(fields: BasicList | MoveList): Keys {
  return {
    key: keyText(fields.RESERVATION_KEY),
    serviceActionKey: keyText(fields.SERVICE_ACTION_RESERVATION_KEY),
  };
}

function listLengthError(): Error {
  return illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
}
