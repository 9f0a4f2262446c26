import { ReservationModel } from '../../support/reservation-model.ts';
import { BLOCK, type HistoryDevice } from './history-device.ts';

/** The mode parameters that can be changed (SBC-3 6.5.5, SPC-4 7.5.8). */
export interface Modes {
  /** Write cache enable. */
  readonly WCE: number;
  /** Sense data in descriptor format. */
  readonly D_SENSE: number;
  /** Software write protect. */
  readonly SWP: number;
}

/** Target ports, with the relative identifiers 1 and 2. */
export const PORTS = 2;

export const DEFAULT_MODES: Modes = { WCE: 1, D_SENSE: 0, SWP: 0 };

/** FORMAT UNIT and SANITIZE. */
export type OperationKind = 'format' | 'sanitize';

/** What SBC-3 and SPC-4 say of one logical unit, in arrays and flags. */
export class UnitModel {
  readonly name: string;
  readonly device: HistoryDevice;
  readonly reservations: ReservationModel;
  blockCount: number;
  data: Uint8Array;
  /** Blocks that take space. */
  mapped: boolean[];
  /** Blocks whose content the power going may take back. */
  readonly cached = new Set<number>();
  modes: Modes = DEFAULT_MODES;
  saved: Modes = DEFAULT_MODES;
  stopped = false;
  /** The node that has the unit by RESERVE. */
  reservedBy: number | undefined = undefined;
  /** FORMAT UNIT or SANITIZE goes on. */
  running: OperationKind | undefined = undefined;
  formatFailed = false;
  /** AUSE of the SANITIZE that failed. */
  sanitizeFailed: { readonly ause: boolean } | undefined = undefined;
  /** The nodes that have an ACA condition (SAM-5 5.9). */
  readonly faulted = new Set<number>();
  readonly readOnly: boolean;

  constructor(name: string, device: HistoryDevice, nodes: number, readOnly: boolean) {
    this.name = name;
    this.device = device;
    this.readOnly = readOnly;
    this.blockCount = device.size / BLOCK;
    this.data = new Uint8Array(device.size);
    this.mapped = new Array<boolean>(this.blockCount).fill(false);
    this.reservations = new ReservationModel(nodes, PORTS);
  }

  get writeProtected(): boolean {
    return this.readOnly || this.modes.SWP === 1;
  }

  /** The bytes of some blocks. */
  read(lba: number, blocks: number): Uint8Array {
    return this.data.slice(lba * BLOCK, (lba + blocks) * BLOCK);
  }

  /** A command has stored data; `through` says that GOOD means the medium. */
  write(lba: number, bytes: Uint8Array, through = false): void {
    this.data.set(bytes, lba * BLOCK);
    for (let at = lba; at < lba + bytes.length / BLOCK; at++) this.#changed(at, true, through);
  }

  /** The same block again and again. */
  fill(lba: number, blocks: number, block: Uint8Array): void {
    for (let at = lba; at < lba + blocks; at++) this.write(at, block);
  }

  /** Blocks give their space back, and read as zeroes (LBPRZ). */
  unmap(lba: number, blocks: number): void {
    this.data.fill(0, lba * BLOCK, (lba + blocks) * BLOCK);
    for (let at = lba; at < lba + blocks; at++) this.#changed(at, false, false);
  }

  /** SYNCHRONIZE CACHE. */
  flush(): void {
    this.cached.clear();
  }

  resize(blockCount: number): void {
    const data = new Uint8Array(blockCount * BLOCK);
    data.set(this.data.subarray(0, Math.min(data.length, this.data.length)));
    this.data = data;
    this.mapped = Array.from({ length: blockCount }, (_, lba) => this.mapped[lba] ?? false);
    for (const lba of [...this.cached]) if (lba >= blockCount) this.cached.delete(lba);
    this.blockCount = blockCount;
  }

  /** Logical unit reset (SAM-5 6.3.3). */
  reset(): void {
    this.reservedBy = undefined;
    this.stopped = false;
    this.faulted.clear();
    this.modes = this.saved;
  }

  /** The power goes and comes back; what was in the cache is what the medium has now. */
  losePower(): void {
    this.reset();
    this.reservations.losePower();
    for (const lba of this.cached) this.adopt(lba);
    this.cached.clear();
    this.formatFailed = false;
    this.sanitizeFailed = undefined;
  }

  /** Nothing says what a block holds: it is what the medium has. */
  adopt(lba: number): void {
    const block = this.device.block(lba);
    this.data.set(block ?? new Uint8Array(BLOCK), lba * BLOCK);
    this.mapped[lba] = block !== undefined;
  }

  adoptAll(): void {
    for (let lba = 0; lba < this.blockCount; lba++) {
      this.adopt(lba);
      this.cached.add(lba);
    }
  }

  #changed(lba: number, mapped: boolean, through: boolean): void {
    this.mapped[lba] = mapped;
    if (through || this.modes.WCE === 0) this.cached.delete(lba);
    else this.cached.add(lba);
  }
}
