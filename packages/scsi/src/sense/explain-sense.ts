import { nu64be, u16be, u8 } from 'buffer-layout';
import { describedField, describeObject, hexBytes, hexCode } from '../description/description.ts';
import type { DescribedField, Description } from '../description/description.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { additionalSenseName } from './additional-sense-names.ts';
import { senseKeyName } from './additional-sense.ts';
import { explainSenseKeySpecific, SENSE_KEY_SPECIFIC_BYTES } from './sense-key-specific.ts';
import {
  descriptorSenseHeader,
  fixedSense,
  INFORMATION_DESCRIPTOR,
  informationDescriptor,
  SENSE_KEY_SPECIFIC_DESCRIPTOR,
} from './sense-data.ts';

/** Where the sense-key specific bytes of fixed format sense data lie (SPC-5 table 50). */
const FIXED_SPECIFIC_OFFSET = 15;

/** DESCRIPTOR TYPE (SPC-5 table 28). */
const DESCRIPTOR_NAMES: Readonly<Record<number, string>> = {
  0x00: 'information',
  0x01: 'command-specific information',
  0x02: 'sense-key specific',
  0x03: 'field replaceable unit',
  0x04: 'stream commands',
  0x05: 'block commands',
  0x08: 'OSD attribute identification',
  0x09: 'ATA status return',
  0x0a: 'another progress indication',
  0x0b: 'user data segment referral',
  0x0c: 'forwarded sense data',
  0x0d: 'direct-access block device',
};

const header = [u8('DESCRIPTOR_TYPE'), u8('ADDITIONAL_LENGTH')];

/** Descriptors whose fields have names (SPC-5 4.4.2); the sense-key specific one depends on the sense key. */
const DESCRIPTOR_LAYOUTS: ReadonlyMap<number, Structure<object>> = new Map<number, Structure<object>>([
  [INFORMATION_DESCRIPTOR, informationDescriptor],
  [0x01, structure(12, [...header, bytes(2), nu64be('COMMAND_SPECIFIC_INFORMATION')])],
  [0x03, structure(4, [...header, bytes(1), u8('FIELD_REPLACEABLE_UNIT_CODE')])],
  [0x04, structure(4, [...header, bytes(1), flags('FILEMARK', 'EOM', 'ILI', 'RESERVED:5')])],
  [0x05, structure(4, [...header, bytes(1), flags('RESERVED:2', 'ILI', 'RESERVED:5')])],
  [
    0x0a,
    structure(8, [
      ...header,
      u8('ANOTHER_SENSE_KEY'),
      u8('ANOTHER_ADDITIONAL_SENSE_CODE'),
      u8('ANOTHER_ADDITIONAL_SENSE_CODE_QUALIFIER'),
      bytes(1),
      u16be('ANOTHER_PROGRESS_INDICATION'),
    ]),
  ],
]);

/** Everything that sense data of either format says (SPC-5 4.4); bytes that are none as they are. */
export function explainSense(data: Uint8Array): Description {
  const responseCode = (data[0] ?? 0) & 0x7f;
  if (responseCode === 0x70 || responseCode === 0x71) return explainFixed(data, responseCode);
  if (responseCode === 0x72 || responseCode === 0x73) return explainDescriptors(data, responseCode);
  return { title: 'no sense data', fields: [{ name: 'BYTES', value: hexBytes(data) }], parts: [] };
}

function commonFields(responseCode: number, key: number, asc: number, ascq: number): DescribedField[] {
  const deferred = (responseCode & 1) === 1;
  return [
    describedField('RESPONSE CODE', responseCode, deferred ? 'deferred error' : 'current error'),
    describedField('SENSE KEY', key, senseKeyName(key)),
    {
      name: 'ADDITIONAL SENSE CODE',
      value: `${hexCode(asc)}/${hexCode(ascq)}`,
      meaning: additionalSenseName(asc, ascq),
    },
  ];
}

function explainFixed(data: Uint8Array, responseCode: number): Description {
  const sense = fixedSense.decode(data);
  const { ADDITIONAL_SENSE_CODE: asc, ADDITIONAL_SENSE_CODE_QUALIFIER: ascq, SENSE_KEY: key } = sense;
  const { FILEMARK, EOM, ILI, SDAT_OVFL } = sense;
  const specific = data.subarray(FIXED_SPECIFIC_OFFSET, FIXED_SPECIFIC_OFFSET + SENSE_KEY_SPECIFIC_BYTES);
  const declared = 8 + sense.ADDITIONAL_SENSE_LENGTH;
  return {
    title: 'fixed format sense data',
    fields: [
      ...commonFields(responseCode, key, asc, ascq),
      ...Object.entries({ FILEMARK, EOM, ILI }).map(([name, value]) => ({ name, value })),
      { name: 'SDAT_OVFL', value: SDAT_OVFL },
      ...(sense.VALID === 1 ? [{ name: 'INFORMATION', value: sense.INFORMATION }] : []),
      { name: 'COMMAND-SPECIFIC INFORMATION', value: sense.COMMAND_SPECIFIC_INFORMATION },
      { name: 'FIELD REPLACEABLE UNIT CODE', value: sense.FIELD_REPLACEABLE_UNIT_CODE },
      ...explainSenseKeySpecific(key, specific),
    ],
    parts: [],
    ...(declared > data.length ? { truncated: true } : {}),
  };
}

function explainDescriptors(data: Uint8Array, responseCode: number): Description {
  const head = descriptorSenseHeader.decode(data);
  const { ADDITIONAL_SENSE_CODE: asc, ADDITIONAL_SENSE_CODE_QUALIFIER: ascq, SENSE_KEY: key } = head;
  const declared = descriptorSenseHeader.spanBytes + head.ADDITIONAL_SENSE_LENGTH;
  const end = Math.min(data.length, declared);
  const parts: Description[] = [];
  let truncated = declared > data.length;
  for (let at = descriptorSenseHeader.spanBytes; at + 2 <= end;) {
    const next = at + 2 + data[at + 1]!;
    truncated ||= next > end;
    parts.push(explainDescriptor(key, data.subarray(at, Math.min(next, end))));
    at = next;
  }
  return {
    title: 'descriptor format sense data',
    fields: [...commonFields(responseCode, key, asc, ascq), { name: 'SDAT_OVFL', value: head.SDAT_OVFL }],
    parts,
    ...(truncated ? { truncated } : {}),
  };
}

/** Fields that a descriptor was cut off from read as zero. */
function explainDescriptor(senseKey: number, descriptor: Uint8Array): Description {
  const type = descriptor[0]!;
  const title = `${DESCRIPTOR_NAMES[type] ?? 'unknown'} descriptor (${hexCode(type)})`;
  const layout = DESCRIPTOR_LAYOUTS.get(type);
  if (type === SENSE_KEY_SPECIFIC_DESCRIPTOR) {
    const fields = explainSenseKeySpecific(senseKey, descriptor.subarray(4, 4 + SENSE_KEY_SPECIFIC_BYTES));
    return { title, fields, parts: [] };
  }
  if (layout !== undefined) return describeObject(title, layout.decode(descriptor));
  return { title, fields: [{ name: 'BYTES', value: hexBytes(descriptor.subarray(2)) }], parts: [] };
}
