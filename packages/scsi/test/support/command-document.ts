import { supportedCommands, type SupportedCommand, type UnitKind } from '../../src/index.ts';

const HEADING = `# SCSI commands

What the device server of \`@lunbox/scsi\` does, printed from the table that it runs by
(\`packages/scsi/src/commands\`). A test fails when this page is not what the table says;
\`UPDATE_DOCS=1 npx vitest run packages/scsi/test/unit/command-document.test.ts\` writes it again.

- **Units**: the kinds of unit that have the command; others refuse it with INVALID COMMAND OPERATION CODE.
- **Usage data**: one bits are looked at, as REPORT SUPPORTED OPERATION CODES gives them.
- **Reserved**: what happens while another nexus has the unit by RESERVE.
- **Persistent**: what the command is to a persistent reservation that does not allow its nexus. Free commands run,
  reads conflict with the exclusive access types, changes with every type; starting the unit is free, stopping it is a
  change, and so is preventing the removal of its medium, which is free to allow. PERSISTENT RESERVE OUT, RESERVE and
  RELEASE judge for themselves.
- **Path**: the states of the target port in which it runs (SPC-4 5.15.2.4): in any, in all but a transition
  ("unavailable", and offline), in standby and the active states, or in the active ones only.
- **UA**: runs although a unit attention condition is pending.
- **Medium**: refused with NOT READY while there is no medium, or it is stopped, formatted or sanitized.
- **Writes**: refused with DATA PROTECT while the unit is write-protected.
- Commands marked _type 2_ are there while the unit is formatted with type 2 protection, and nowhere else. The usage
  data is that of a unit without protection information; with it, RDPROTECT and its like are looked at, too.
`;

const REFUSED = `
What is refused, and why:

- **SANITIZE, CRYPTOGRAPHIC ERASE** (48/03): a storage object has no encryption, so there is no key to change. BLOCK
  ERASE and OVERWRITE are there.
- **Whatever has to survive a loss of power**, where the unit has no \`stateStore\`: APTPL, SP of MODE SELECT, SET
  IDENTIFYING INFORMATION. Where it has one that can only be read, what is in it is in force and reported.
- **Thresholds of thin provisioning by percentage** (THRESHOLD TYPE 001b): they are counted in threshold sets. There is
  no hard threshold in SBC-4; where space ends, the write that does not fit is told so (27/07).
`;

const UNIT_TEXTS: Readonly<Record<string, string>> = {
  'disk,removable-disk': 'disks',
  'removable-disk,cd-rom': 'removable',
  'cd-rom': 'CD-ROM',
  'disk,removable-disk,cd-rom': 'all',
};

/** The page `docs/scsi-commands.md`. */
export function commandDocument(): string {
  const header = [
    'Opcode',
    'Command',
    'Units',
    'Usage data',
    'Reserved',
    'Persistent',
    'Path',
    'UA',
    'Medium',
    'Writes',
  ];
  const rows = [header, header.map(() => '---'), ...supportedCommands().map(row)];
  return `${HEADING}\n${rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n${REFUSED}`;
}

function row(command: SupportedCommand): string[] {
  const code = hexByte(command.operationCode);
  const action = command.serviceAction === undefined ? '' : `/${hexByte(command.serviceAction)}`;
  return [
    `${code}${action}`,
    command.name,
    `${unitsText(command.units)}${command.needsType2 ? ', _type 2_' : ''}`,
    `\`${[...command.cdbUsageMask].map(hexByte).join(' ')}\``,
    command.reservation,
    command.access,
    command.path,
    yes(command.duringAttention),
    yes(command.needsMedium),
    yes(command.writes),
  ];
}

function unitsText(units: readonly UnitKind[]): string {
  const key = units.join();
  return UNIT_TEXTS[key] ?? key;
}

function yes(value: boolean): string {
  return value ? 'yes' : '';
}

function hexByte(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0');
}
