import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { answer, GOOD } from '../answers.ts';
import { RECEIVE_DIAGNOSTIC_RESULTS, SEND_DIAGNOSTIC } from '../cdb/diagnostic-cdbs.ts';
import {
  buildDiagnosticPage,
  DIAGNOSTIC_HEADER_BYTES,
  SUPPORTED_DIAGNOSTIC_PAGES,
} from '../data/diagnostic-page.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { inSteps, STEP_BYTES } from '../media/in-steps.ts';
import { ParameterList, unlessAborted } from '../media/parameter-list.ts';
import { AdditionalSenseCode, SenseKey } from '../sense/additional-sense.ts';
import { blockFailure } from '../sense/block-failures.ts';
import {
  CheckConditionError,
  illegalRequest,
  invalidCdbField,
  invalidParameter,
} from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, SLOW, type CommandEntry } from './command-entry.ts';
import { refuseFields } from './validate.ts';

/** SELF-TEST CODE (SPC-4 table 229) of the tests whose end the command waits for. */
const SelfTestCode = { NONE: 0b000, FOREGROUND_SHORT: 0b101, FOREGROUND_EXTENDED: 0b110 } as const;

const FOREGROUND: readonly number[] = [SelfTestCode.FOREGROUND_SHORT, SelfTestCode.FOREGROUND_EXTENDED];

/** The Supported Diagnostic Pages page, which is the only one. */
const SUPPORTED_PAGES = buildDiagnosticPage({
  pageCode: SUPPORTED_DIAGNOSTIC_PAGES,
  body: Uint8Array.of(SUPPORTED_DIAGNOSTIC_PAGES),
});

function startSendDiagnostic(itl: ItlNexus, command: ScsiCommand): MaybePromise<Execution> {
  const fields = SEND_DIAGNOSTIC.decode(command.cdb);
  const { SELF_TEST_CODE, PARAMETER_LIST_LENGTH } = fields;
  if (fields.SELFTEST === 1) refuseFields(SEND_DIAGNOSTIC, fields, 'SELF_TEST_CODE');
  const tests = fields.SELFTEST === 1 || SELF_TEST_CODE !== SelfTestCode.NONE;
  if (!tests) return takePage(itl, fields.PF, PARAMETER_LIST_LENGTH);
  // SPC-4 6.42: a self-test has no parameter list.
  refuseFields(SEND_DIAGNOSTIC, fields, 'PARAMETER_LIST_LENGTH');
  if (fields.SELFTEST === 0 && !FOREGROUND.includes(SELF_TEST_CODE)) {
    throw invalidCdbField(SEND_DIAGNOSTIC, 'SELF_TEST_CODE');
  }
  return selfTest(itl, command, SELF_TEST_CODE === SelfTestCode.FOREGROUND_EXTENDED);
}

/** Asking for the page that there is needs no memory, as RECEIVE DIAGNOSTIC RESULTS returns it anyway. */
function takePage(itl: ItlNexus, pageFormat: number, lengthBytes: number): Execution {
  if (lengthBytes === 0) return GOOD;
  if (pageFormat === 0) throw invalidCdbField(SEND_DIAGNOSTIC, 'PF');
  if (lengthBytes < DIAGNOSTIC_HEADER_BYTES)
    throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  return new ParameterList(itl, 0, lengthBytes, (list) => {
    const wrong = list.findIndex((byte, at) => at !== 1 && byte !== 0);
    if (wrong >= 0) throw invalidParameter(wrong);
    return GOOD;
  });
}

/** The short test reads the ends of the medium and flushes, the extended one reads all of it. */
function selfTest(itl: ItlNexus, command: ScsiCommand, extended: boolean): MaybePromise<Finished> {
  const { medium, blockSize, blockCount } = itl.unit;
  const buffer = new Uint8Array(extended ? Math.min(STEP_BYTES, blockCount * blockSize) : blockSize);
  const read = (offset: number, length: number): MaybePromise<void> =>
    medium.read([buffer.subarray(0, length)], offset);
  const steps = async (): Promise<void> => {
    if (extended) await inSteps(command, { offset: 0, length: blockCount * blockSize }, STEP_BYTES, read);
    else await mapMaybe(read(0, blockSize), () => read((blockCount - 1) * blockSize, blockSize));
    await medium.flush();
  };
  return unlessAborted(() => steps().then(() => GOOD, testFailed));
}

/** Only a failure of the device is one of the test: an abort, a closed medium and mistakes of ours are told as such. */
function testFailed(error: unknown): never {
  if (blockFailure(error, 'read', undefined) === undefined) throw error;
  const code = AdditionalSenseCode.LOGICAL_UNIT_FAILED_SELF_TEST;
  throw new CheckConditionError({ senseKey: SenseKey.HARDWARE_ERROR, ...code }, error);
}

function receiveDiagnosticResults(_itl: ItlNexus, command: ScsiCommand): Finished {
  const fields = RECEIVE_DIAGNOSTIC_RESULTS.decode(command.cdb);
  refuseFields(RECEIVE_DIAGNOSTIC_RESULTS, fields, 'PAGE_CODE');
  return answer(SUPPORTED_PAGES, fields.ALLOCATION_LENGTH);
}

/** SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS. */
export const DIAGNOSTIC_COMMANDS: readonly CommandEntry[] = [
  defineCommand(RECEIVE_DIAGNOSTIC_RESULTS, receiveDiagnosticResults, { access: 'reads', path: 'standby' }),
  defineCommand(SEND_DIAGNOSTIC, startSendDiagnostic, {
    path: 'standby',
    needsMedium: true,
    timeouts: SLOW,
    unsupportedFields: ['DEVOFFL', 'UNITOFFL'],
  }),
];
