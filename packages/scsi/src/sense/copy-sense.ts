import { nu64be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import type { SenseData } from './sense-data.ts';

/** The status that a copy source or destination ended a command of the copy manager with (SPC-4 5.17.7.4). */
export interface ForwardedSense {
  readonly from: 'source' | 'destination';
  readonly status: number;
  /** Present with CHECK CONDITION. */
  readonly sense?: SenseData;
}

interface CommandSpecificDescriptor {
  DESCRIPTOR_TYPE: number;
  ADDITIONAL_LENGTH: number;
  COMMAND_SPECIFIC_INFORMATION: number;
}

/** Command-specific information sense data descriptor (SPC-4 table 32). */
export const commandSpecificDescriptor: Structure<CommandSpecificDescriptor> = structure(12, [
  u8('DESCRIPTOR_TYPE'),
  u8('ADDITIONAL_LENGTH'),
  bytes(2),
  nu64be('COMMAND_SPECIFIC_INFORMATION'),
]);

interface ForwardedDescriptor {
  DESCRIPTOR_TYPE: number;
  ADDITIONAL_LENGTH: number;
  FSDT: number;
  SOURCE: number;
  FORWARDED_STATUS: number;
}

/** Forwarded sense data descriptor up to the sense data (SPC-4 4.5.2.7). */
export const forwardedDescriptor: Structure<ForwardedDescriptor> = structure(4, [
  u8('DESCRIPTOR_TYPE'),
  u8('ADDITIONAL_LENGTH'),
  flags('FSDT', 'RESERVED:3', 'SOURCE:4'),
  u8('FORWARDED_STATUS'),
]);

export const COMMAND_SPECIFIC_DESCRIPTOR = 0x01;
export const FORWARDED_DESCRIPTOR = 0x0c;

/** SOURCE of the forwarded sense data descriptor: the first copy source, the first copy destination. */
const Source = { COPY_SOURCE: 1, COPY_DESTINATION: 2 } as const;

/** Who said what is forwarded. */
export function sourceOf(source: number): ForwardedSense['from'] {
  return source === Source.COPY_DESTINATION ? 'destination' : 'source';
}

/** The descriptor of what a copy party said, its sense data in the format that `encode` makes. */
export function encodeForwarded(
  { from, status, sense }: ForwardedSense,
  encode: (sense: SenseData) => Uint8Array,
): Uint8Array {
  const said = sense === undefined ? new Uint8Array(0) : encode(sense);
  const header = forwardedDescriptor.encode({
    DESCRIPTOR_TYPE: FORWARDED_DESCRIPTOR,
    ADDITIONAL_LENGTH: 2 + said.length,
    SOURCE: from === 'source' ? Source.COPY_SOURCE : Source.COPY_DESTINATION,
    FORWARDED_STATUS: status,
  });
  return concatBytes([header, said]);
}

/**
 * The COMMAND-SPECIFIC INFORMATION field of fixed format: the value, and before it where the status and sense data of
 * the copy source or destination begin (SPC-4 5.17.7.4).
 */
export function encodeCommandSpecific(
  value: number | undefined,
  forwarded: ForwardedSense | undefined,
  areaOffset: number,
): number {
  const shown = value === undefined || value > 0xffff_ffff ? 0 : value;
  if (forwarded === undefined) return shown;
  return areaOffset * (forwarded.from === 'source' ? 0x100_0000 : 0x1_0000) + (shown & 0xffff);
}
