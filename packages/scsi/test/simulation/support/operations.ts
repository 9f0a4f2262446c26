import {
  buildFormatList,
  buildOverwriteList,
  FORMAT_UNIT,
  parseSense,
  REQUEST_SENSE,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
  SenseKey,
} from '../../../src/index.ts';
import type { Dice } from './dice.ts';
import { check, GOOD, INVALID_CDB, type Expected } from './expected.ts';
import { BLOCK, type DeviceCall } from './history-device.ts';
import { notReady, type Step } from './step.ts';
import type { OperationKind, UnitModel } from './unit-model.ts';

/** FORMAT UNIT or SANITIZE: its command, and what the medium is like after it. */
export interface Operation {
  readonly kind: OperationKind;
  readonly name: string;
  readonly cdb: Uint8Array;
  readonly dataOut?: Uint8Array;
  readonly immediate: boolean;
  readonly ause: boolean;
  /** Ways over the medium. */
  readonly passes: number;
  /** What it asks of the device for certain. */
  readonly touches: DeviceCall;
  readonly done: (unit: UnitModel) => void;
}

function whole(unit: UnitModel, block?: Uint8Array): void {
  if (block === undefined) unit.unmap(0, unit.blockCount);
  else unit.fill(0, unit.blockCount, block);
  unit.flush();
}

function repeated(pattern: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: BLOCK }, (_, at) => pattern[at % pattern.length]!);
}

function formatting(dice: Dice): Operation {
  const common = { kind: 'format', ause: false } as const;
  if (dice.chance(0.3)) {
    const cdb = FORMAT_UNIT.encode({});
    const done = (unit: UnitModel): void => whole(unit);
    return { ...common, name: FORMAT_UNIT.name, cdb, immediate: false, passes: 1, touches: 'unmap', done };
  }
  const immediate = dice.chance(0.6);
  const certifies = dice.chance(0.5);
  const pattern = dice.chance(0.5) ? dice.bytes(dice.between(1, 20)) : undefined;
  const dataOut = buildFormatList({
    immediate,
    formatOptionsValid: certifies || pattern !== undefined,
    disableCertification: !certifies && pattern !== undefined,
    ...(pattern && { initialization: { secure: false, type: 1, pattern } }),
  });
  return {
    ...common,
    name: `${FORMAT_UNIT.name}: IMMED ${immediate} pattern ${pattern?.length} certifies ${certifies}`,
    cdb: FORMAT_UNIT.encode({ FMTDATA: 1 }),
    dataOut,
    immediate,
    passes: certifies ? 2 : 1,
    touches: pattern === undefined ? 'unmap' : 'write',
    done: (unit) => whole(unit, pattern && repeated(pattern)),
  };
}

function sanitizing(dice: Dice): Operation {
  const immediate = dice.chance(0.6);
  const ause = dice.chance(0.5);
  const fields = { IMMED: immediate ? 1 : 0, AUSE: ause ? 1 : 0 };
  const common = { kind: 'sanitize', immediate, ause } as const;
  if (dice.chance(0.4)) {
    const name = `${SANITIZE_BLOCK_ERASE.name}: ${JSON.stringify(fields)}`;
    const cdb = SANITIZE_BLOCK_ERASE.encode(fields);
    return { ...common, name, cdb, passes: 1, touches: 'unmap', done: (unit) => whole(unit) };
  }
  const passes = dice.between(1, 4);
  const invert = dice.chance(0.5);
  const pattern = dice.bytes(dice.between(1, 20));
  const dataOut = buildOverwriteList({ invert, test: 0, count: passes, pattern });
  const inverted = invert && passes % 2 === 0;
  return {
    ...common,
    name: `${SANITIZE_OVERWRITE.name}: ${JSON.stringify(fields)} passes ${passes} invert ${invert}`,
    cdb: SANITIZE_OVERWRITE.encode({ ...fields, PARAMETER_LIST_LENGTH: dataOut.length }),
    dataOut,
    passes,
    touches: 'write',
    done: (unit) =>
      whole(
        unit,
        repeated(pattern).map((byte) => (inverted ? ~byte : byte)),
      ),
  };
}

export function someOperation(dice: Dice): Operation {
  return dice.chance(0.4) ? formatting(dice) : sanitizing(dice);
}

/** Why an operation is not begun although nothing is in its way (SBC-3 4.11.3); undefined when it is. */
export function operationRefusal(unit: UnitModel, { kind, ause }: Operation): Expected | undefined {
  const { sanitizeFailed } = unit;
  if (sanitizeFailed === undefined) return undefined;
  if (kind === 'format') return notReady(unit);
  return !sanitizeFailed.ause && ause ? INVALID_CDB : undefined;
}

/** It has come to its end; with a failure nobody knows what the medium holds. */
export function endOperation(unit: UnitModel, operation: Operation, failed: boolean): Expected {
  unit.running = undefined;
  if (!failed) {
    operation.done(unit);
    unit.formatFailed = false;
    unit.sanitizeFailed = undefined;
    return GOOD;
  }
  if (operation.kind === 'format') unit.formatFailed = true;
  else unit.sanitizeFailed = { ause: operation.ause };
  return check(SenseKey.MEDIUM_ERROR, 0x31, operation.kind === 'format' ? 0x01 : 0x03);
}

/** The command of an operation; `run` says how it ends. */
export function operationStep(operation: Operation, run: Step['run']): Step {
  const { name, cdb, dataOut } = operation;
  return {
    access: 'changes',
    medium: true,
    repairs: true,
    writes: true,
    name,
    cdb,
    ...(dataOut && { dataOut }),
    run: (unit, pending, nexus) => operationRefusal(unit, operation) ?? run(unit, pending, nexus),
  };
}

/** SANITIZE, EXIT FAILURE MODE (SBC-3 5.30.5): leaves the failure of a SANITIZE with AUSE behind. */
export function exitFailureMode(): Step {
  return {
    access: 'changes',
    medium: true,
    repairs: true,
    writes: true,
    name: SANITIZE_EXIT_FAILURE_MODE.name,
    cdb: SANITIZE_EXIT_FAILURE_MODE.encode({}),
    run: (unit) => {
      if (unit.sanitizeFailed?.ause === false) return INVALID_CDB;
      if (unit.sanitizeFailed !== undefined) unit.adoptAll();
      unit.sanitizeFailed = undefined;
      return notReady(unit) ?? GOOD;
    },
  };
}

/** REQUEST SENSE while an operation goes on: its progress lies between these parts of the whole. */
export function askForProgress(operation: Operation, least: number, most: number): Step {
  const qualifier = operation.kind === 'format' ? 0x04 : 0x1b;
  return {
    access: 'free',
    duringAttention: true,
    whileReserved: true,
    name: `${REQUEST_SENSE.name}: progress`,
    cdb: REQUEST_SENSE.encode({ ALLOCATION_LENGTH: 252 }),
    run: (_unit, pending) => {
      const news = pending.take();
      return {
        ...GOOD,
        complaint: (data) => {
          const sense = parseSense(data);
          const code = `${sense?.senseKey}/${sense?.asc}/${sense?.ascq}`;
          if (news?.sense !== undefined) {
            const { senseKey, asc, ascq } = news.sense;
            return code === `${senseKey}/${asc}/${ascq}` ? undefined : code;
          }
          if (code !== `2/4/${qualifier}`) return code;
          const progress = sense?.progress ?? -1;
          const fits = progress >= Math.floor(least * 65_536) && progress <= Math.min(65_535, most * 65_536);
          return fits ? undefined : `progress ${progress}, wanted ${least} to ${most} of 65536`;
        },
      };
    },
  };
}
