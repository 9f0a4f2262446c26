import { headerLayout } from '../../src/codec/header.ts';
import {
  EventCode,
  EVENTS,
  Flag,
  Opcode,
  OPCODES,
  RESERVED_OPCODES,
  Status,
  STATUSES,
  TLVS,
  type EventName,
  type OpcodeName,
  type StatusName,
  type TlvName,
} from '../../src/codec.ts';

const hex = (code: number): string => `${code.toString(16).padStart(4, '0')}h`;

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const names = (list: readonly string[]): string => list.map((name) => `\`${name}\``).join(' ') || '–';
const snake = (name: string): string =>
  name
    .replace(/High$|Low$/, '')
    .replaceAll(/([A-Z])/g, ' $1')
    .toUpperCase();

function headerTable(): string {
  const rows: [number, number, string][] = [];
  let offset = 0;
  for (const { property = '', span } of headerLayout.fields) {
    const name = snake(property);
    const before = rows.at(-1);
    if (before?.[2] === name) before[1] += span;
    else rows.push([offset, span, name]);
    offset += span;
  }
  return table(['offset', 'bytes', 'field'], rows);
}

function opcodeTable(): string {
  const rows = (Object.keys(Opcode) as OpcodeName[]).map((name) => {
    const { about, need, request, reply, repeatable, required, optional, answer } = OPCODES[name];
    const asked =
      request === 'fields' ? names([...required, ...optional.map((each) => `${each}?`)]) : request;
    const told = reply === 'fields' ? names(answer) : reply;
    return [hex(Opcode[name]), name, about, need, asked, told, repeatable ? '' : 'once'];
  });
  return table(
    ['code', 'request', 'what it does', 'permission', 'payload', 'payload of the reply', 'again'],
    rows,
  );
}

/** The tables of docs/nbs-protocol.md by their names there. */
export const PROTOCOL_TABLES: Readonly<Record<string, () => string>> = {
  header: headerTable,
  flags: () =>
    table(
      ['bit', 'flag'],
      Object.entries(Flag).map(([name, bit]) => [Math.log2(bit), name]),
    ),
  requests: opcodeTable,
  reserved: () =>
    table(
      ['code', 'request'],
      Object.entries(RESERVED_OPCODES).map(([code, name]) => [hex(Number(code)), name]),
    ),
  events: () =>
    table(
      ['code', 'event', 'fields', 'what it tells'],
      (Object.keys(EventCode) as EventName[]).map((name) => [
        hex(EventCode[name]),
        name,
        names(EVENTS[name].fields),
        EVENTS[name].about,
      ]),
    ),
  statuses: () =>
    table(
      ['code', 'status', 'what it means', 'try again'],
      (Object.keys(Status) as StatusName[]).map((name) => [
        Status[name],
        name,
        STATUSES[name].about,
        name === 'OK' ? '' : { same: 'here', other: 'at another portal', never: 'no' }[STATUSES[name].retry],
      ]),
    ),
  tlvs: () =>
    table(
      ['type', 'field', 'kind', 'what it is'],
      (Object.keys(TLVS) as TlvName[]).map((name) => {
        const { type, kind, many, about } = TLVS[name];
        return [hex(type), `\`${name}\``, many ? `${kind}, several` : kind, about];
      }),
    ),
};
