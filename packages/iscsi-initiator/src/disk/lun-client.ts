import type { Clock } from '@lunbox/block';
import {
  AdditionalSenseCode,
  retryDelayMs,
  SenseKey,
  Status,
  type AdditionalSense,
  type SenseData,
} from '@lunbox/scsi';
import createDebug from 'debug';
import { abortable } from '../abortable.ts';
import { InitiatorError } from '../errors.ts';
import type { ScsiRequest, ScsiResult } from '../request.ts';
import type { IscsiSession } from '../session.ts';

const log = createDebug('lunbox:iscsi-initiator:lun');

/** Tries of one command that meets passing conditions. */
const MAX_TRIES = 12;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
/** The longest that a unit may ask for (SAM-5 5.3.2). */
const LONGEST_ASKED_PAUSE_MS = 60_000;

/** A command for the one logical unit. */
export type LunRequest = Omit<ScsiRequest, 'lun'>;

/**
 * Sends commands to one logical unit and tries again what only failed for the moment: unit attentions (SAM-5 5.14),
 * a full task set, a unit that is becoming ready, an aborted command.
 */
export class LunClient {
  readonly lun: number;
  readonly session: IscsiSession;
  readonly #clock: Clock;
  readonly #onAttention: (sense: SenseData) => void;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param onAttention - hears every unit attention, once.
   * @param signal - aborts every command.
   */
  constructor(
    session: IscsiSession,
    lun: number,
    clock: Clock,
    onAttention: (sense: SenseData) => void = () => undefined,
    signal?: AbortSignal,
  ) {
    this.#signal = signal;
    this.session = session;
    this.lun = lun;
    this.#clock = clock;
    this.#onAttention = onAttention;
  }

  /** The same unit, whose commands the signal aborts. */
  under(signal: AbortSignal): LunClient {
    return new LunClient(this.session, this.lun, this.#clock, this.#onAttention, signal);
  }

  /** Runs a command to GOOD; rejects as {@link IscsiSession.execute} does. */
  async run(command: LunRequest): Promise<ScsiResult> {
    const { lun } = this;
    const signal = this.#signal;
    const request = signal === undefined ? { ...command, lun } : { ...command, lun, signal };
    let pauseMs = FIRST_PAUSE_MS;
    let askedMs = 0;
    for (let tries = 1; ; tries++) {
      try {
        return await this.session.execute(request);
      } catch (error) {
        const again = error instanceof InitiatorError ? this.#judge(error) : 'never';
        if (again === 'never' || tries >= MAX_TRIES) throw error;
        log('LUN %d, try %d: %s', this.lun, tries, (error as Error).message);
        if (again === 'at-once') continue;
        askedMs = askedPauseMs(error as InitiatorError);
      }
      await abortable(signal, () => this.#pause(Math.max(pauseMs, askedMs)));
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }

  /** Runs a command that answers with parameter data: what came of it. */
  async inquire(cdb: Uint8Array, allocationLength: number): Promise<Uint8Array> {
    const data = new Uint8Array(allocationLength);
    const { receivedBytes } = await this.run({ cdb, read: [data], idempotent: true });
    return data.subarray(0, receivedBytes);
  }

  /** The same for what a unit need not know: undefined when it refuses the command or a field of it. */
  async inquireOptional(cdb: Uint8Array, allocationLength: number): Promise<Uint8Array | undefined> {
    try {
      return await this.inquire(cdb, allocationLength);
    } catch (error) {
      if (isUnsupported(error)) return undefined;
      throw error;
    }
  }

  #judge({ detail }: InitiatorError): 'at-once' | 'later' | 'never' {
    if (detail.code === 'INITIATOR_SCSI_STATUS') {
      return detail.status === Status.BUSY || detail.status === Status.TASK_SET_FULL ? 'later' : 'never';
    }
    if (detail.code !== 'INITIATOR_CHECK_CONDITION') return 'never';
    const { sense } = detail;
    if (sense.senseKey === SenseKey.UNIT_ATTENTION) {
      this.#onAttention(sense);
      return 'at-once';
    }
    if (sense.senseKey === SenseKey.ABORTED_COMMAND) return 'later';
    const becomingReady = AdditionalSenseCode.LOGICAL_UNIT_IS_IN_PROCESS_OF_BECOMING_READY;
    return isSense(sense, becomingReady) ? 'later' : 'never';
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.setTimer(delayMs, resolve);
    });
  }
}

/** True when the sense data has this additional sense code. */
export function isSense(sense: SenseData, { asc, ascq }: AdditionalSense): boolean {
  return sense.asc === asc && sense.ascq === ascq;
}

/** True when a unit refused a command because it does not know it, or a field of it. */
export function isUnsupported(error: unknown): boolean {
  if (!(error instanceof InitiatorError) || error.detail.code !== 'INITIATOR_CHECK_CONDITION') return false;
  const { sense } = error.detail;
  return (
    sense.senseKey === SenseKey.ILLEGAL_REQUEST &&
    (isSense(sense, AdditionalSenseCode.INVALID_COMMAND_OPERATION_CODE) ||
      isSense(sense, AdditionalSenseCode.INVALID_FIELD_IN_CDB))
  );
}

/** How long the unit asks to be left alone. */
function askedPauseMs({ detail }: InitiatorError): number {
  if (detail.code !== 'INITIATOR_SCSI_STATUS' || detail.statusQualifier === undefined) return 0;
  return Math.min(retryDelayMs(detail.status, detail.statusQualifier) ?? 0, LONGEST_ASKED_PAUSE_MS);
}
