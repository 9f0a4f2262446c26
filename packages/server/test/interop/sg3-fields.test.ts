import {
  COMPARE_AND_WRITE,
  explainDataIn,
  explainSense,
  INQUIRY,
  LOG_SENSE,
  MODE_SELECT_10,
  MODE_SENSE_10,
  parseModeParameters,
  parseVpdPage,
  READ_10,
  SET_IDENTIFYING_INFORMATION,
  WRITE_16,
  type Description,
} from '@lunbox/scsi';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { COMMAND_ROWS, explainAnswers, SENSE } from '../support/sg/command-rows.ts';
import {
  DRIVE_SILENT,
  LOG_WORDINGS,
  MODE_SILENT,
  modeWording,
  PAGE_CONTROLS,
  type ModeValue,
} from '../support/sg/page-wordings.ts';
import type { SgBridge, SgCommand, SgRun } from '../support/sg/sg-bridge.ts';
import { servedUnits, UNIT_KINDS, type ServedUnits } from '../support/sg/served-units.ts';
import { compareFields } from '../support/sg/tool-fields.ts';
import { STANDARD_INQUIRY, VPD_WORDINGS } from '../support/sg/vpd-wordings.ts';

// A program is started for every page of every unit, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const TOOLS = ['cc', 'sdparm', 'sg_inq', 'sg_vpd', 'sg_logs', 'sg_opcodes', 'sg_persist', 'sg_decode_sense'];

/** Words with which the programs complain about what they were given. */
const COMPLAINTS =
  /\b(bad|unexpected|truncated|too short|malformed|corrupt\w*|invalid|wrong|can't decode|unable|expected|\?\?\?)/i;

/** Commands that every unit refuses, for one reason or another. */
const REFUSED: readonly (readonly [string, Uint8Array, Uint8Array[]?])[] = [
  ['a field of the CDB', INQUIRY.encode({ PAGE_CODE: 0x80, ALLOCATION_LENGTH: 255 })],
  ['bits of a field', MODE_SENSE_10.encode({ PAGE_CODE: 0x3e, ALLOCATION_LENGTH: 255 })],
  ['an operation code', Uint8Array.of(0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
  ['an address', READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 0x7fff_ffff, TRANSFER_LENGTH: 1 })],
  [
    'a field of a parameter list',
    MODE_SELECT_10.encode({ PF: 1, PARAMETER_LIST_LENGTH: 12 }),
    [Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0x3e, 2, 0, 0)],
  ],
  [
    'data that differs',
    COMPARE_AND_WRITE.encode({ LOGICAL_BLOCK_ADDRESS: 4096, NUMBER_OF_LOGICAL_BLOCKS: 1 }),
    [new Uint8Array(8192).fill(1)],
  ],
];

let units: ServedUnits;

/** Asks a unit for up to 4 KiB. */
async function ask({ session, lun }: SgBridge, cdb: Uint8Array): Promise<Uint8Array> {
  const data = new Uint8Array(4096);
  const { receivedBytes } = await session.execute({ lun, cdb, read: [data] });
  return data.subarray(0, receivedBytes);
}

/** Runs a program that is to succeed without a complaint. */
async function decode(bridge: SgBridge, tool: string, ...args: readonly string[]): Promise<SgRun> {
  const result = await bridge.run(tool, ...args);
  expect(result.stderr).toBe('');
  expect(result.status, result.output).toBe(0);
  expect(result.stdout).not.toMatch(COMPLAINTS);
  return result;
}

function explained({ commands }: SgRun, fits: (command: SgCommand) => boolean): Description {
  const command = commands.findLast(fits);
  const description = command && explainDataIn(command.cdb, command.dataIn);
  expect(description, 'the program has sent no such command').toBeDefined();
  expect(description?.truncated).toBeUndefined();
  return description!;
}

/** 0 and 1 for whether any bit of a field can be changed. */
function changeable(mask: Description): Description {
  const fields = mask.fields.map(({ name, value }) => ({ name, value: Number(value) === 0 ? 0 : 1 }));
  return { ...mask, fields, parts: mask.parts.map(changeable) };
}

describe.skipIf(!requiresTools(...TOOLS))('sg3-utils and sdparm read what we read, field by field', () => {
  beforeAll(async () => {
    units = await servedUnits();
    const used = units.bridges.get('thin disk, 512e')!;
    const { session, lun } = used;
    const information = Buffer.from('rack 7, shelf 2');
    const fields = { INFORMATION_TYPE: 0, PARAMETER_LIST_LENGTH: information.length };
    await session.execute({ lun, cdb: SET_IDENTIFYING_INFORMATION.encode(fields), write: [information] });
    const blocks = { LOGICAL_BLOCK_ADDRESS: 4096, TRANSFER_LENGTH: 16 };
    await session.execute({ lun, cdb: WRITE_16.encode(blocks), write: [new Uint8Array(8192).fill(7)] });
    await decode(used, 'sg_persist', '--out', '--register', '--param-sark=0x5ca1ab1e');
    await decode(used, 'sg_persist', '--out', '--reserve', '--param-rk=0x5ca1ab1e', '--prout-type=5');
  });

  afterAll(() => units.close());

  const disks = UNIT_KINDS.filter((kind) => kind !== 'CD-ROM');

  describe.each(UNIT_KINDS)('%s', (name) => {
    const unit = (): SgBridge => units.bridges.get(name)!;

    it('standard INQUIRY data', async () => {
      const ran = await decode(unit(), 'sg_inq', '--descriptors');
      const ours = explained(ran, ({ cdb }) => cdb[0] === 0x12 && cdb[1] === 0);
      expect(compareFields(ran.stdout, ours, STANDARD_INQUIRY)).toEqual([]);
    });

    it('every VPD page', async () => {
      const list = INQUIRY.encode({ EVPD: 1, PAGE_CODE: 0, ALLOCATION_LENGTH: 255 });
      for (const page of parseVpdPage(await ask(unit(), list)).body) {
        const wording = VPD_WORDINGS[page];
        expect(wording, `page ${page} has no wording`).toBeDefined();
        const ran = await decode(unit(), 'sg_vpd', ...(wording?.options ?? []), `--page=${page}`);
        const ours = explained(ran, ({ cdb }) => cdb[0] === 0x12 && cdb[1] === 1 && cdb[2] === page);
        expect(compareFields(ran.stdout, ours, wording), `page ${page}`).toEqual([]);
      }
    });

    it('every mode page: current, changeable, default and saved values', async () => {
      const all = MODE_SENSE_10.encode({ PAGE_CODE: 0x3f, SUBPAGE_CODE: 0xff, ALLOCATION_LENGTH: 4096 });
      const { pages } = parseModeParameters(10, await ask(unit(), all));
      // What is kept, is kept with the storage object.
      const saves = name === 'thin disk, 512e' || name === 'disk, 4Kn';
      const values: ModeValue[] = ['current', 'changeable', 'default', ...(saves ? ['saved' as const] : [])];
      const drive = name === 'CD-ROM' ? DRIVE_SILENT : [];
      for (const { pageCode, subpageCode } of pages) {
        const page = `${pageCode},${subpageCode}`;
        const ran = await unit().run('sdparm', '--long', `--page=${page}`);
        expect(ran.stdout).not.toMatch(COMPLAINTS);
        for (const value of values) {
          const { parts } = explained(ran, ({ cdb, result }) => {
            const wanted = (PAGE_CONTROLS[value] << 6) | pageCode;
            return cdb[0] === 0x5a && cdb[2] === wanted && cdb[3] === subpageCode && result.status === 0;
          });
          const whole = parts.at(-1)!;
          const ours = value === 'changeable' ? changeable(whole) : whole;
          const wording = modeWording(value, [...drive, ...(MODE_SILENT[pageCode] ?? [])]);
          expect(compareFields(ran.stdout, ours, wording), `page ${page}, ${value}`).toEqual([]);
        }
      }
    });

    it.each(disks.filter((disk) => disk === name))('every log page: %s', async () => {
      const list = LOG_SENSE.encode({ PC: 1, SUBPAGE_CODE: 0xff, ALLOCATION_LENGTH: 4096 });
      const data = await ask(unit(), list);
      for (let at = 4; at < data.length; at += 2) {
        const [page, subpage] = [data[at]! & 0x3f, data[at + 1]!];
        const code = subpage === 0 ? String(page) : `${page},${subpage}`;
        const wording = LOG_WORDINGS[code];
        expect(wording, `log page ${code} has no wording`).toBeDefined();
        const ran = await decode(unit(), 'sg_logs', `--page=${code}`);
        const ours = explained(ran, ({ cdb }) => cdb[0] === 0x4d && (cdb[2]! & 0x3f) === page);
        expect(compareFields(ran.stdout, ours, wording), `log page ${code}`).toEqual([]);
      }
    });

    it.each([0, 1])('sense data of refusals, D_SENSE %i', async (descriptorFormat) => {
      const { session, lun } = unit();
      await decode(unit(), 'sdparm', `--set=D_SENSE=${descriptorFormat}`);
      for (const [what, cdb, write] of REFUSED) {
        const { senseBytes } = await session.command({ lun, cdb, ...(write === undefined ? {} : { write }) });
        expect(senseBytes, what).toBeDefined();
        const file = units.file('sense.bin');
        writeFileSync(file, senseBytes!);
        const { stdout, stderr, status } = await run('sg_decode_sense', [`--binary=${file}`]);
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(stdout).toContain(descriptorFormat === 1 ? 'Descriptor format' : 'Fixed format');
        expect(compareFields(stdout, explainSense(senseBytes!), SENSE), `${what}: ${stdout}`).toEqual([]);
      }
      await decode(unit(), 'sdparm', '--set=D_SENSE=0');
    });

    const rows = COMMAND_ROWS.filter(
      ({ units: having = disks }) => having === 'all' || having.includes(name),
    );
    it.each(rows.map((row) => [[row.tool, ...row.args].join(' '), row] as const))(
      '%s',
      async (_call, row) => {
        const ran = await unit().run(row.tool, ...row.args);
        expect(ran.status, ran.output).toBe(0);
        expect(ran.output).not.toMatch(COMPLAINTS);
        if (row.onStderr !== true) expect(ran.stderr).toBe('');
        expect(compareFields(ran.output, explainAnswers(row, ran), row.wording), ran.stdout).toEqual([]);
      },
    );
  });
});
