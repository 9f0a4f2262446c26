import type { NbdExportInfo } from './exports.ts';
import { Info, MAGIC_OPTION_REPLY, MAX_PAYLOAD_BYTES, TransmissionFlag } from './numbers.ts';

const HEAD_BYTES = 20;
const PREFERRED_BLOCK_BYTES = 4096;
const encoder = new TextEncoder();

/** A reply to an option. */
export function optionReply(option: number, type: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC_OPTION_REPLY[0]);
  view.setUint32(4, MAGIC_OPTION_REPLY[1]);
  view.setUint32(8, option);
  view.setUint32(12, type);
  view.setUint32(16, data.length);
  bytes.set(data, HEAD_BYTES);
  return bytes;
}

/** Data of a reply: a number of 32 bits, and text. */
export function numberAndText(number: number, text: string): Uint8Array {
  const encoded = encoder.encode(text);
  const bytes = new Uint8Array(4 + encoded.length);
  new DataView(bytes.buffer).setUint32(0, number);
  bytes.set(encoded, 4);
  return bytes;
}

/** Data of a SERVER reply, which lists an export. */
export function serverData({ name, description = '' }: NbdExportInfo): Uint8Array {
  const { length } = encoder.encode(name);
  return numberAndText(length, name + description);
}

/** Size and transmission flags, as EXPORT_NAME and INFO have them. */
export function exportData(info: NbdExportInfo): Uint8Array {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(info.sizeBytes / 2 ** 32));
  view.setUint32(4, info.sizeBytes % 2 ** 32);
  view.setUint16(8, transmissionFlags(info));
  return bytes;
}

/** The server has one cache for all connections, so that a flush by one of them covers the others (CAN_MULTI_CONN). */
function transmissionFlags({ readOnly }: NbdExportInfo): number {
  const all =
    TransmissionFlag.HAS_FLAGS |
    TransmissionFlag.SEND_FLUSH |
    TransmissionFlag.SEND_DF |
    TransmissionFlag.CAN_MULTI_CONN |
    TransmissionFlag.SEND_CACHE;
  if (readOnly) return all | TransmissionFlag.READ_ONLY;
  return all | TransmissionFlag.SEND_FUA | TransmissionFlag.SEND_TRIM | TransmissionFlag.SEND_WRITE_ZEROES;
}

/** Data of the INFO replies: EXPORT and BLOCK_SIZE always, texts when they were asked for. */
export function infoData(info: NbdExportInfo, asked: readonly number[]): Uint8Array[] {
  const typed = (type: number, data: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(2 + data.length);
    new DataView(bytes.buffer).setUint16(0, type);
    bytes.set(data, 2);
    return bytes;
  };
  const sizes = new Uint8Array(12);
  const view = new DataView(sizes.buffer);
  view.setUint32(0, info.blockSize);
  view.setUint32(4, Math.max(info.blockSize, PREFERRED_BLOCK_BYTES));
  view.setUint32(8, MAX_PAYLOAD_BYTES);
  const texts = [
    [Info.NAME, info.name],
    [Info.DESCRIPTION, info.description ?? ''],
  ] as const;
  return [
    typed(Info.EXPORT, exportData(info)),
    typed(Info.BLOCK_SIZE, sizes),
    ...texts
      .filter(([type]) => asked.includes(type))
      .map(([type, text]) => typed(type, encoder.encode(text))),
  ];
}
