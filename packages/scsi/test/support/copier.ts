import {
  buildCscdDescriptor,
  buildExtendedCopyList,
  buildPopulateTokenList,
  buildSegment,
  buildWriteUsingTokenList,
  COPY_MANAGER_CSCD_ID,
  DesignatorType,
  EXTENDED_COPY,
  EXTENDED_COPY_LID1,
  INQUIRY,
  parseDeviceIdentification,
  parseRodTokenInformation,
  parseVpdPage,
  POPULATE_TOKEN,
  RECEIVE_ROD_TOKEN_INFORMATION,
  SegmentType,
  WRITE_USING_TOKEN,
  type BlockRange,
  type BlockSegment,
  type CopyStatus,
  type CscdDescriptor,
  type ExtendedCopyHeader,
  type ExtendedCopyKind,
  type OffsetSegment,
  type PopulateTokenList,
  type Segment,
  type WriteUsingTokenList,
} from '../../src/index.ts';
import type { Answer, Initiator, SendOptions } from './harness.ts';

/** A segment that copies blocks within or between the units of CSCD descriptors 0 and 1. */
export function blocks(fields: Partial<BlockSegment> = {}): BlockSegment {
  return {
    type: SegmentType.BLOCK_TO_BLOCK,
    source: 0,
    destination: 0,
    blockCount: 8,
    destinationCount: false,
    cat: false,
    sourceLba: 0,
    destinationLba: 64,
    ...fields,
  };
}

/** A segment that copies bytes. */
export function bytesSegment(fields: Partial<OffsetSegment> = {}): OffsetSegment {
  return {
    type: SegmentType.BLOCK_TO_BLOCK_WITH_OFFSET,
    source: 0,
    destination: 0,
    lengthBytes: 1000,
    sourceLba: 0,
    sourceByteOffset: 0,
    destinationLba: 64,
    destinationByteOffset: 0,
    ...fields,
  };
}

/** Sends third-party copy commands as an initiator does that has read VPD page 83h. */
export class Copier {
  readonly initiator: Initiator;
  readonly #options: SendOptions;
  #listId = 100;

  /** @param lun the unit whose copy manager is asked */
  constructor(initiator: Initiator, lun = 0) {
    this.initiator = initiator;
    this.#options = { lun };
  }

  /** The CSCD descriptor of a unit that the initiator sees: by its NAA designator. */
  async cscd(lun = 0, more: Partial<CscdDescriptor> = {}): Promise<Uint8Array> {
    const cdb = INQUIRY.encode({ EVPD: 1, PAGE_CODE: 0x83, ALLOCATION_LENGTH: 1024 });
    const { data } = await this.initiator.send(cdb, { lun });
    const designators = parseDeviceIdentification(parseVpdPage(data).body);
    const naa = designators.find(({ type }) => type === DesignatorType.NAA);
    if (naa === undefined) throw new Error('no NAA designator');
    return buildCscdDescriptor({ designator: naa.value, ...more });
  }

  /** EXTENDED COPY with segments between units. */
  async copy(
    segments: readonly Segment[],
    options: Partial<ExtendedCopyHeader> & { kind?: ExtendedCopyKind; cscds?: readonly Uint8Array[] } = {},
  ): Promise<Answer> {
    const { kind = 'lid1', cscds = [await this.cscd(this.#options.lun)], ...header } = options;
    const list = buildExtendedCopyList(kind, header, cscds, segments.map(buildSegment));
    return this.send(list, kind);
  }

  /** EXTENDED COPY with a parameter list as it is. */
  send(list: Uint8Array, kind: ExtendedCopyKind = 'lid1', more: SendOptions = {}): Promise<Answer> {
    const definition = kind === 'lid1' ? EXTENDED_COPY_LID1 : EXTENDED_COPY;
    const cdb = definition.encode({ PARAMETER_LIST_LENGTH: list.length });
    return this.initiator.send(cdb, { ...this.#options, dataOut: list, ...more });
  }

  /** POPULATE TOKEN under a list identifier of its own. */
  async populate(ranges: readonly BlockRange[], more: Partial<PopulateTokenList> = {}): Promise<Answer> {
    return this.sendToken(POPULATE_TOKEN, buildPopulateTokenList({ ranges, ...more }));
  }

  /** A token for ranges. */
  async token(...ranges: BlockRange[]): Promise<Uint8Array> {
    const { status } = await this.populate(ranges);
    const { token } = await this.information();
    if (status !== 0 || token === undefined) throw new Error('no token');
    return token;
  }

  /** WRITE USING TOKEN under a list identifier of its own. */
  async write(
    token: Uint8Array,
    ranges: readonly BlockRange[],
    more: Partial<WriteUsingTokenList> = {},
  ): Promise<Answer> {
    return this.sendToken(WRITE_USING_TOKEN, buildWriteUsingTokenList({ token, ranges, ...more }));
  }

  /** A token command with a parameter list as it is. */
  sendToken(definition: typeof POPULATE_TOKEN, list: Uint8Array): Promise<Answer> {
    this.#listId++;
    const cdb = definition.encode({ LIST_IDENTIFIER: this.#listId, PARAMETER_LIST_LENGTH: list.length });
    return this.initiator.send(cdb, { ...this.#options, dataOut: list });
  }

  /** What became of the last token command. */
  async information(
    listId: number = this.#listId,
  ): Promise<{ status: CopyStatus; token?: Uint8Array | undefined }> {
    const cdb = RECEIVE_ROD_TOKEN_INFORMATION.encode({ LIST_IDENTIFIER: listId, ALLOCATION_LENGTH: 2048 });
    const answer = await this.initiator.send(cdb, this.#options);
    if (answer.status !== 0) throw new Error('no such copy');
    return parseRodTokenInformation(answer.data);
  }
}

/** The unit that the command is sent to, without a CSCD descriptor. */
export const OWN: number = COPY_MANAGER_CSCD_ID;
