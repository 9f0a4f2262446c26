import { headerLayout, regionLayout, type HeaderFields, type RegionFields } from '../../src/header-layout.ts';
import { identityLayout, type IdentityFields } from '../../src/identity-block.ts';

/** What each field is, in words; offsets and lengths come from the layouts. */
type Meanings<T> = Readonly<Record<keyof T & string, string>>;

const RESERVED = 'reserved';

const IDENTITY: Meanings<IdentityFields> = {
  magic: 'magic: `LUNBOX`, 1Ah, 0Ah',
  formatVersion: 'format version: 1',
  blockLength: 'length of this block: 4096',
  blockCrc: 'checksum of this block',
  reserved1: RESERVED,
  birthIdentity: 'identity that the object was born with (the header has the one in force)',
  birthMs: 'time of birth, milliseconds',
  reserved2: "reserved; QEMU's lock bytes (100 and up, 200 and up) lie in here",
  text: 'a sentence for people who look at the file, ASCII, zero-padded',
  reserved3: RESERVED,
};

const HEADER: Meanings<HeaderFields> = {
  magic: 'magic: `LUNBOX-A` or `LUNBOX-B`',
  formatVersion: 'format version: 1',
  headerLength: 'length of the header: 4096',
  ownOffset: 'own offset: 65536 or 196608',
  sequence: 'sequence number',
  headerCrc: 'checksum of these 4096 bytes',
  attributesLength: 'length of the attributes, at most 126976',
  attributesCrc: 'checksum of the attributes (nothing in it is taken as zero)',
  reserved1: RESERVED,
  incompatibleFeatures: 'incompatible features',
  compatibleFeatures: 'compatible features',
  autoclearFeatures: 'autoclear features',
  role: 'role: 1 = an object that stands for itself, 2 = a [part](#combinations) of one',
  identity: 'identity of the object',
  origin: 'origin: identity of the object that this is a copy of, or zero',
  generation: "generation: changes when the content may have changed behind Lunbox's back",
  writeSession: 'write session: changes each time the object is opened for writing',
  capacity: 'capacity of the disk, a multiple of the block size',
  dataOffset: 'data offset',
  blockSize: 'logical block size: 512 or 4096',
  openState: 'open state: 1 = closed in order, 2 = open; anything else is read as 2',
  stampSize: 'stamp: size of the file',
  stampModifiedNs: 'stamp: time of last change, nanoseconds',
  stampInode: 'stamp: inode number',
  stampBornNs: 'stamp: time of birth of the file, nanoseconds; 0 = unknown',
  updatedMs: 'when this header was written, milliseconds',
  openerPid: 'process number of who wrote it',
  regionCount: 'number of regions, at most 16',
  openerBootId: 'boot identifier of the machine of who wrote it (Linux `boot_id`), or zero',
  openerHost: 'host name of who wrote it, UTF-8, zero-padded',
  reserved2: RESERVED,
  regions: '16 [regions](#regions) of 32 bytes, of which the first ones count',
  reserved3: RESERVED,
};

const REGION: Meanings<RegionFields> = {
  type: 'type: 1 = activity log, 2 = grain maps, 3 = protection information',
  flags: 'flags; none is assigned',
  offset: 'offset in the file',
  length: 'length',
  reserved: RESERVED,
};

/** Bytes of one row of a diagram, and how wide a byte is drawn. */
const ROW_BYTES = 16;
const BYTE_COLUMNS = 6;
/** A longer field is drawn as its first row, dots, and nothing of the rest. */
const DRAWN_ROWS = 2;

/** What is used here of a structure of buffer-layout. */
interface Declared {
  readonly fields: readonly { readonly property?: string; readonly span: number }[];
}

interface Field {
  readonly name: string;
  readonly offset: number;
  readonly lengthBytes: number;
}

function fieldsOf(layout: Declared): Field[] {
  let offset = 0;
  return layout.fields.map(({ property = '', span }) => {
    const field = { name: property, offset, lengthBytes: span };
    offset += span;
    return field;
  });
}

function table<T>(layout: Declared, meanings: Meanings<T>): string {
  const rows = fieldsOf(layout).map(({ name, offset, lengthBytes }) => {
    const meaning = meanings[name as keyof T & string];
    return `| ${offset} | ${lengthBytes} | ${meaning} |`;
  });
  return ['| offset | length | field |', '| --- | --- | --- |', ...rows].join('\n');
}

/** The part of a row that one field takes, centred between bars, which it shares with its neighbours. */
function cell(name: string, bytes: number): string {
  const width = bytes * BYTE_COLUMNS - 1;
  const text = name.length > width ? `${name.slice(0, width - 1)}…` : name;
  const left = Math.floor((width - text.length) / 2);
  return `${' '.repeat(left)}${text}${' '.repeat(width - text.length - left)}|`;
}

const offsetText = (offset: number): string => `${offset.toString(16).toUpperCase().padStart(4, '0')}h`;
const line = (): string => `       +${`${'-'.repeat(BYTE_COLUMNS - 1)}+`.repeat(ROW_BYTES)}`;

function ruler(): string {
  const numbers = Array.from({ length: ROW_BYTES }, (_, byte) =>
    String(byte).padStart(3).padEnd(BYTE_COLUMNS),
  );
  return `        ${numbers.join('')}`.trimEnd();
}

/** A diagram, 16 bytes to a row, in which the middle of long fields is left out. */
function diagram(layout: Declared): string {
  const rows = [ruler(), line()];
  let row = '';
  let at = 0;
  for (const { name, lengthBytes } of fieldsOf(layout)) {
    let left = lengthBytes;
    const isLong = lengthBytes > ROW_BYTES * DRAWN_ROWS;
    while (left > 0) {
      if (isLong && left < lengthBytes && at % ROW_BYTES === 0 && left > ROW_BYTES) {
        rows.push(`  …    |${cell('…', ROW_BYTES)}`, line());
        at += left - (left % ROW_BYTES);
        left %= ROW_BYTES;
        continue;
      }
      const bytes = Math.min(left, ROW_BYTES - (at % ROW_BYTES));
      if (row === '') row = `${offsetText(at)}  |`;
      row += cell(name, bytes);
      at += bytes;
      left -= bytes;
      if (at % ROW_BYTES === 0) {
        rows.push(row, line());
        row = '';
      }
    }
  }
  return `\`\`\`text\n${rows.join('\n')}\n\`\`\``;
}

const whole = <T>(layout: Declared, meanings: Meanings<T>): string =>
  `${diagram(layout)}\n\n${table(layout, meanings)}`;

/** The parts of `docs/container-format.md` that are made from the declared layouts, by the name of their marks. */
export function formatSections(): Readonly<Record<string, string>> {
  return {
    'identity block': whole(identityLayout, IDENTITY),
    header: whole(headerLayout, HEADER),
    regions: whole(regionLayout, REGION),
  };
}

const mark = (name: string): string => `<!-- made from the layout: ${name} -->`;
const END = '<!-- until here -->';

/** The page with its marked parts as the layouts have them. Throws when a mark is missing. */
export function withFormatSections(page: string): string {
  return Object.entries(formatSections()).reduce((text, [name, section]) => {
    const start = text.indexOf(mark(name));
    const end = text.indexOf(END, start);
    if (start < 0 || end < 0) throw new Error(`the page has no marks for ${name}`);
    return `${text.slice(0, start)}${mark(name)}\n\n${section}\n\n${text.slice(end)}`;
  }, page);
}
