import { readU16 } from '../bytes.ts';
import {
  describedField,
  hexBytes,
  MAX_PARTS,
  printable,
  type Description,
} from '../description/description.ts';
import type { Designator } from './device-identification.ts';

/** DESIGNATOR TYPE (SPC-5 table 601). */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  0x0: 'vendor specific',
  0x1: 'T10 vendor ID based',
  0x2: 'EUI-64 based',
  0x3: 'NAA',
  0x4: 'relative target port identifier',
  0x5: 'target port group',
  0x6: 'logical unit group',
  0x7: 'MD5 logical unit identifier',
  0x8: 'SCSI name string',
  0x9: 'protocol specific port identifier',
  0xa: 'UUID',
};

const ASSOCIATION_NAMES: Readonly<Record<number, string>> = {
  0: 'logical unit',
  1: 'target port',
  2: 'target device',
};

const CODE_SET_NAMES: Readonly<Record<number, string>> = { 1: 'binary', 2: 'ASCII', 3: 'UTF-8' };

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  0x0: 'Fibre Channel',
  0x3: 'IEEE 1394',
  0x4: 'RDMA',
  0x5: 'iSCSI',
  0x6: 'SAS',
  0x9: 'USB attached SCSI',
  0xa: 'SCSI over PCIe',
};

const ASCII = 2;
const UTF8 = 3;

/** Designators whose value is a number after two reserved bytes. */
const NUMBERED: ReadonlySet<number> = new Set([0x4, 0x5, 0x6]);

/** What designators say; the first of very many. */
export function describeDesignators(designators: readonly Designator[]): Description[] {
  return designators.slice(0, MAX_PARTS).map((designator, index) => {
    const { type, association, codeSet, protocol } = designator;
    return {
      title: `designator ${index}`,
      fields: [
        describedField('DESIGNATOR TYPE', type, TYPE_NAMES[type]),
        describedField('ASSOCIATION', association, ASSOCIATION_NAMES[association]),
        describedField('CODE SET', codeSet, CODE_SET_NAMES[codeSet]),
        ...(protocol === undefined
          ? []
          : [describedField('PROTOCOL IDENTIFIER', protocol, PROTOCOL_NAMES[protocol])]),
        { name: 'DESIGNATOR', value: designatorValue(designator) },
      ],
      parts: [],
    };
  });
}

/** The value of a designator: a number, a text or hexadecimal digits. */
export function designatorValue({ type, codeSet, value }: Designator): number | string {
  if (NUMBERED.has(type) && value.length === 4) return readU16(value, 2);
  if (codeSet !== ASCII && codeSet !== UTF8) return hexBytes(value);
  const text = Buffer.from(value).toString(codeSet === UTF8 ? 'utf8' : 'latin1');
  return printable(text.replace(/\0+$/, '').trim());
}
