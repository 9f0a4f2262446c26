import {
  NO_TTT,
  RESERVED_TAG,
  SnackType,
  TaskManagementFunction,
  encodeText,
  type DataInPdu,
  type R2tPdu,
  type ScsiCommandPdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import type { TargetEngine } from '../../src/index.ts';
import type { Dice } from './dice.ts';
import { SimulatedLink } from './simulated-link.ts';

const BLOCK = 512;
const LUN = new Uint8Array(8);

/** A command that has no status yet. */
interface Outstanding {
  readonly link: SimulatedLink;
  readonly command: ScsiCommandPdu;
  readonly start: number;
  /** What a write stores. */
  readonly data: Uint8Array | undefined;
  /** What a read has brought so far. */
  readonly arrived: Uint8Array;
  aborting: boolean;
  /** DataSNs that arrived damaged, and the status that came before they did. */
  readonly missing: Set<number>;
  earlyStatSn: number | undefined;
}

/**
 * One session of a simulated initiator. It works on a part of the disk of its own, and never has two commands
 * on the same blocks: so it knows what every read must bring.
 */
export class SimulatedInitiator {
  readonly links: SimulatedLink[] = [];
  readonly outstanding = new Map<number, Outstanding>();
  readonly problems: string[] = [];
  completed = 0;
  readonly #dice: Dice;
  readonly #engine: TargetEngine;
  readonly #isid: number;
  readonly #model: Uint8Array;
  /** Bytes of the disk as they are, for blocks whose content an abortion left open. */
  readonly #disk: Uint8Array;
  readonly #keys: Record<string, string>;
  #cmdSn = 1;
  #maxCmdSn = 1;
  #nextTag = 1;
  #tsih = 0;

  constructor(dice: Dice, engine: TargetEngine, isid: number, disk: Uint8Array) {
    this.#dice = dice;
    this.#engine = engine;
    this.#isid = isid;
    this.#disk = disk;
    this.#model = disk.slice();
    this.#keys = {
      MaxConnections: '2',
      InitialR2T: dice.pick(['Yes', 'No']),
      ImmediateData: dice.pick(['Yes', 'No']),
      FirstBurstLength: dice.pick(['512', '1000', '4096']),
      MaxBurstLength: dice.pick(['1536', '4096', '65536']),
      MaxOutstandingR2T: dice.pick(['1', '3']),
      ErrorRecoveryLevel: dice.pick(['0', '1']),
    };
  }

  /** True when nothing is on its way and no command waits. */
  get idle(): boolean {
    return this.outstanding.size === 0 && !this.links.some((link) => link.busy);
  }

  /** Connects and logs in; the network still has to carry it. */
  connect(): void {
    const dataDigest = this.#dice.chance(0.3);
    const link = new SimulatedLink(this.#dice, this.#engine, dataDigest);
    const keys = {
      InitiatorName: `iqn.1994-05.com.example:sim${this.#isid}`,
      TargetName: 'iqn.2026-11.io.lunbox:test',
      DataDigest: dataDigest ? 'CRC32C' : 'None',
      MaxRecvDataSegmentLength: this.#dice.pick(['512', '1000', '65536']),
      ...(this.#tsih === 0 ? this.#keys : {}),
    };
    link.transmit({
      type: 'login-request',
      transit: true,
      continue: false,
      csg: 1,
      nsg: 3,
      versionMax: 0,
      versionMin: 0,
      isid: Uint8Array.of(0x80, 0, 0, 0, 0, this.#isid),
      tsih: this.#tsih,
      initiatorTaskTag: 0,
      cid: this.links.length,
      cmdSn: this.#cmdSn,
      expStatSn: 0,
      data: encodeText(Object.entries(keys)),
    });
    while (link.received.length === 0) link.step();
    this.#tsih = (this.#take(link)[0] as { tsih: number }).tsih;
    if (this.#keys['ErrorRecoveryLevel'] === '1') link.damage = 0.1;
    this.links.push(link);
  }

  /** Does one thing, if the command window allows. */
  act(): void {
    const link = this.#dice.pick(this.links);
    if (link.closed || this.#cmdSn > this.#maxCmdSn) return;
    const start = this.#dice.below(48) * BLOCK;
    const blocks = 1 + this.#dice.below(16);
    const end = start + blocks * BLOCK;
    for (const other of this.outstanding.values()) {
      if (start < other.start + other.command.expectedDataTransferLength && other.start < end) return;
    }
    if (this.#dice.chance(0.5)) this.#send(link, start, blocks, undefined);
    else this.#send(link, start, blocks, this.#pattern(blocks * BLOCK));
  }

  /** Asks to abort one of the commands. */
  abortOne(): void {
    const tasks = [...this.outstanding.values()].filter((task) => !task.aborting && !task.link.closed);
    if (tasks.length > 0) {
      const task = this.#dice.pick(tasks);
      this.#abort(task, task.link);
    }
  }

  /** Handles what has come in. */
  listen(): void {
    for (const link of this.links) {
      for (const pdu of this.#take(link)) if (this.#intact(link, pdu)) this.#handle(pdu);
    }
  }

  /**
   * A connection broke: its commands are over, and nobody knows how far their writes went. Those that never
   * arrived leave holes in the order of CmdSN, which an abortion plugs (RFC 7143 §11.6.1 b).
   */
  lost(link: SimulatedLink): void {
    for (const [tag, task] of this.outstanding) {
      if (task.link !== link) continue;
      this.#forget(tag, task);
      this.#abort(task, this.links[0] as SimulatedLink);
    }
  }

  #send(link: SimulatedLink, start: number, blocks: number, data: Uint8Array | undefined): void {
    const lengthBytes = blocks * BLOCK;
    const cdb = new Uint8Array(16);
    cdb[0] = data === undefined ? 0x28 : 0x2a;
    new DataView(cdb.buffer).setUint32(2, (this.#disk.byteOffset + start) / BLOCK);
    new DataView(cdb.buffer).setUint16(7, blocks);
    // FirstBurstLength cannot be more than MaxBurstLength (RFC 7143 §13.14).
    const burst = Math.min(Number(this.#keys['FirstBurstLength']), Number(this.#keys['MaxBurstLength']));
    const first = Math.min(burst, lengthBytes);
    const immediate =
      data !== undefined && this.#keys['ImmediateData'] === 'Yes' ? this.#dice.below(first + 1) : 0;
    const unsolicited = data !== undefined && this.#keys['InitialR2T'] === 'No' && immediate < first;
    const command: ScsiCommandPdu = {
      type: 'scsi-command',
      immediate: false,
      final: !unsolicited,
      read: data === undefined,
      write: data !== undefined,
      attribute: 1,
      priority: 0,
      lun: LUN,
      initiatorTaskTag: this.#nextTag++,
      expectedDataTransferLength: lengthBytes,
      cdb,
      cmdSn: this.#cmdSn++,
      expStatSn: link.expStatSn,
      data: data?.subarray(0, immediate) ?? new Uint8Array(0),
    };
    const arrived = new Uint8Array(lengthBytes);
    this.outstanding.set(command.initiatorTaskTag, {
      link,
      command,
      start,
      data,
      arrived,
      aborting: false,
      missing: new Set(),
      earlyStatSn: undefined,
    });
    link.transmit(command);
    if (unsolicited) this.#sendData(link, command, data, immediate, first, NO_TTT);
  }

  #abort(task: Outstanding, link: SimulatedLink): void {
    task.aborting = true;
    link.transmit({
      type: 'task-management-request',
      immediate: true,
      function: TaskManagementFunction.ABORT_TASK,
      lun: LUN,
      initiatorTaskTag: 0x8000_0000 + task.command.initiatorTaskTag,
      referencedTaskTag: task.command.initiatorTaskTag,
      refCmdSn: task.command.cmdSn,
      expDataSn: 0,
      cmdSn: this.#cmdSn,
      expStatSn: 0,
    });
  }

  /** A sequence of Data-Out PDUs, cut as the dice say. */
  #sendData(
    link: SimulatedLink,
    command: ScsiCommandPdu,
    data: Uint8Array,
    from: number,
    to: number,
    targetTransferTag: number,
  ): void {
    let dataSn = 0;
    for (let at = from; at < to;) {
      const end = Math.min(to, at + 1 + this.#dice.below(2000));
      link.transmit({
        type: 'data-out',
        final: end === to,
        lun: LUN,
        initiatorTaskTag: command.initiatorTaskTag,
        targetTransferTag,
        expStatSn: link.expStatSn,
        dataSn: dataSn++,
        bufferOffset: at,
        data: data.subarray(at, end),
      });
      at = end;
    }
  }

  #take(link: SimulatedLink): TargetPdu[] {
    const pdus = link.received.splice(0);
    for (const pdu of pdus) if (pdu.maxCmdSn > this.#maxCmdSn) this.#maxCmdSn = pdu.maxCmdSn;
    return pdus;
  }

  /** False when the PDU counts as damaged, or comes too early: it is asked for again (RFC 7143 §7.8). */
  #intact(link: SimulatedLink, pdu: TargetPdu): boolean {
    // A NOP-In that answers nothing shows the next StatSN, which it does not use up (RFC 7143 §11.19).
    if (pdu.type === 'r2t' || (pdu.type === 'nop-in' && pdu.initiatorTaskTag === RESERVED_TAG)) return true;
    if (pdu.type === 'data-in') return pdu.hasStatus || this.#dataIntact(link, pdu);
    const task = pdu.type === 'scsi-response' ? this.outstanding.get(pdu.initiatorTaskTag) : undefined;
    if (task !== undefined && task.missing.size > 0) {
      // RFC 7143 §11.16.1: data must be asked for before its status is acknowledged.
      link.postpone(pdu.statSn);
      task.earlyStatSn = pdu.statSn;
      return false;
    }
    if (link.takeStatus(pdu.statSn)) return true;
    this.#snack(link, SnackType.STATUS, RESERVED_TAG, pdu.statSn);
    return false;
  }

  #dataIntact(link: SimulatedLink, { initiatorTaskTag, dataSn }: DataInPdu): boolean {
    const task = this.outstanding.get(initiatorTaskTag);
    if (task === undefined) return true;
    if (this.#dice.chance(link.damage)) {
      task.missing.add(dataSn);
      this.#snack(link, SnackType.DATA_OR_R2T, initiatorTaskTag, dataSn);
      return false;
    }
    task.missing.delete(dataSn);
    if (task.missing.size === 0 && task.earlyStatSn !== undefined) {
      this.#snack(link, SnackType.STATUS, RESERVED_TAG, task.earlyStatSn);
    }
    return true;
  }

  #snack(link: SimulatedLink, snackType: number, initiatorTaskTag: number, begRun: number): void {
    const rest = { lun: LUN, targetTransferTag: RESERVED_TAG, runLength: 1, expStatSn: link.expStatSn };
    link.transmit({ type: 'snack', snackType, initiatorTaskTag, begRun, ...rest });
  }

  #handle(pdu: TargetPdu): void {
    if (pdu.type === 'reject' || pdu.type === 'async-message') return;
    if (pdu.type === 'task-management-response')
      return this.#aborted(pdu.initiatorTaskTag - 0x8000_0000, pdu.response);
    if (pdu.type === 'nop-in' && pdu.initiatorTaskTag === RESERVED_TAG) return;
    const tag = (pdu as DataInPdu).initiatorTaskTag;
    const task = this.outstanding.get(tag);
    if (task === undefined) return void this.problems.push(`${pdu.type} for task ${tag}, which is over`);
    if (pdu.type === 'data-in') task.arrived.set(pdu.data, pdu.bufferOffset);
    if (pdu.type === 'r2t') return this.#answer(task, pdu);
    if (pdu.type === 'scsi-response' || (pdu.type === 'data-in' && pdu.hasStatus))
      this.#ended(tag, task, pdu.status);
    else if (pdu.type !== 'data-in') this.problems.push(`unexpected ${pdu.type}`);
  }

  #answer(task: Outstanding, r2t: R2tPdu): void {
    // A task that is being aborted gets no more data (open-iscsi's FastAbort, T-K4).
    if (task.aborting || task.data === undefined) return;
    const end = r2t.bufferOffset + r2t.desiredDataTransferLength;
    this.#sendData(task.link, task.command, task.data, r2t.bufferOffset, end, r2t.targetTransferTag);
  }

  #ended(tag: number, task: Outstanding, status: number): void {
    this.outstanding.delete(tag);
    this.completed++;
    const end = task.start + task.command.expectedDataTransferLength;
    if (status !== 0) this.problems.push(`task ${tag} ended with status ${status}`);
    if (task.data !== undefined) this.#model.set(task.data, task.start);
    else if (!same(task.arrived, this.#model.subarray(task.start, end)))
      this.problems.push(`task ${tag} read wrong data`);
    if (!same(this.#disk.subarray(task.start, end), this.#model.subarray(task.start, end))) {
      this.problems.push(`task ${tag}: the disk is not what it must be`);
    }
  }

  #aborted(tag: number, response: number): void {
    const task = this.outstanding.get(tag);
    if (task !== undefined && response === 0) this.#forget(tag, task);
  }

  /** From here on nothing of the task may happen: its blocks stay as they are now. */
  #forget(tag: number, task: Outstanding): void {
    this.outstanding.delete(tag);
    const end = task.start + task.command.expectedDataTransferLength;
    this.#model.set(this.#disk.subarray(task.start, end), task.start);
  }

  #pattern(lengthBytes: number): Uint8Array {
    const seed = this.#dice.below(256);
    return Uint8Array.from({ length: lengthBytes }, (_, i) => (i * 31 + (i >> 8) + seed) & 0xff);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
