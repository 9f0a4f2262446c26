import {
  buildControlPage,
  buildModeParameters,
  encodeLun,
  MODE_SELECT_6,
  READ_10,
  TEST_UNIT_READY,
  WRITE_10,
  type ControlPage,
  type Execution,
  type ScsiCommand,
  type TaskAttribute,
} from '../../src/index.ts';
import { expect } from 'vitest';
import { Expected } from './expected-sense.ts';
import { memoryHarness, type Answer, type Harness, type Initiator } from './harness.ts';

/** NACA in the CONTROL byte. */
export const NACA = 0x04;

export const TUR: Uint8Array = TEST_UNIT_READY.encode();
export const TUR_NACA: Uint8Array = TEST_UNIT_READY.encode({ CONTROL: NACA });

/** A READ(10) that lies behind the end of any test's unit. */
export const FAILS: Uint8Array = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 0xffff_ffff, TRANSFER_LENGTH: 1 });
export const FAILS_WITH_NACA: Uint8Array = READ_10.encode({
  LOGICAL_BLOCK_ADDRESS: 0xffff_ffff,
  TRANSFER_LENGTH: 1,
  CONTROL: NACA,
});

export const READ_BLOCK: Uint8Array = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
export const WRITE_BLOCK: Uint8Array = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });

/** A unit, and two initiators: one that fails, and another. */
export interface FaultyScene {
  readonly harness: Harness;
  readonly faulty: Initiator;
  readonly other: Initiator;
}

/** Makes a {@link FaultyScene}; no unit attention is left. */
export async function faultyScene(): Promise<FaultyScene> {
  const harness = await memoryHarness();
  const other = await harness.connectReady('iqn.2026-01.test.initiator:b,i,0x000000000002');
  return { harness, faulty: harness.initiator, other };
}

/** Establishes an ACA condition for an initiator. */
export async function establishAca(faulty: Initiator): Promise<void> {
  expect(await faulty.send(FAILS_WITH_NACA)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
}

/** Whatever could go on at once has gone on. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Sets fields of the Control mode page; the others have their default values. */
export function selectControl(
  initiator: Initiator,
  fields: Partial<ControlPage>,
  attribute: TaskAttribute = 'simple',
): Promise<Answer> {
  const page = buildControlPage({ QUEUE_ALGORITHM_MODIFIER: 1, ...fields });
  const dataOut = buildModeParameters(6, { deviceSpecific: 0, longLba: false, pages: [page] });
  return initiator.send(MODE_SELECT_6.encode({ PF: 1, PARAMETER_LIST_LENGTH: dataOut.length }), {
    dataOut,
    attribute,
  });
}

/** A command that the test carries on by itself, as a transport does. */
export class TestTask {
  readonly command: ScsiCommand;
  /** What the device server has asked for or answered; undefined while the command waits. */
  execution: Execution | undefined = undefined;
  readonly #initiator: Initiator;
  readonly #arrived: Promise<void>;

  constructor(initiator: Initiator, cdb: Uint8Array, attribute: TaskAttribute = 'simple') {
    this.#initiator = initiator;
    this.command = initiator.command(cdb, { attribute });
    const execution = initiator.nexus.execute(encodeLun(0), this.command);
    if (!(execution instanceof Promise)) this.execution = execution;
    this.#arrived = Promise.resolve(execution).then((result) => {
      this.execution = result;
    });
  }

  /** Moves the data; completes with the answer. */
  async finish(): Promise<Answer> {
    await this.#arrived;
    return this.#initiator.carry(this.execution!, {}, this.command);
  }

  /** The initiator takes it back, or the device server has. */
  abort(): void {
    this.command.aborted = true;
    this.#initiator.nexus.commandsAborted(encodeLun(0));
  }
}
