import { describe, expect, test } from 'vitest';
import {
  CDB_DEFINITIONS,
  COMMAND_DATA,
  descriptionText,
  explainDataIn,
  explainDataOut,
  type AnyCdbDefinition,
  type DataFormat,
} from '../../src/index.ts';
import { ALL_EFFECTS } from '../support/effects/all-effects.ts';
import { openScene, type CommandEffect } from '../support/effects/command-effect.ts';
import { supportedCommands } from '../../src/index.ts';

const definitions = CDB_DEFINITIONS.map((cdb): [string, AnyCdbDefinition] => [cdb.name, cdb]);

describe.each(definitions)('%s', (name, cdb) => {
  const rows = COMMAND_DATA.filter((row) => row.cdb === cdb);

  test('says in one row of src/data/*-command-data.ts what its data is, or why it has no format', () => {
    expect(rows).toHaveLength(1);
    for (const format of [rows[0]!.dataIn, rows[0]!.dataOut]) {
      if (typeof format === 'string') expect(format).not.toBe('');
      else expect([typeof format.build, typeof format.parse]).toEqual(['function', 'function']);
    }
  });

  test('transfers what the row says', async () => {
    const effect = ALL_EFFECTS.find(({ command }) => command.name === name);
    if (effect === undefined) return;
    const { dataIn, dataOut } = rows[0]!;
    expect(hasData(dataOut)).toBe(effect.dataOut !== undefined || isOptional(effect));
    const { initiator } = await openScene(effect);
    const options = effect.dataOut === undefined ? {} : { dataOut: effect.dataOut };
    const { data } = await initiator.send(effect.cdb, options);
    if (!hasData(dataIn)) expect(data).toHaveLength(0);
    expectDescribed(dataIn, explainDataIn(effect.cdb, data));
    if (effect.dataOut !== undefined) expectDescribed(dataOut, explainDataOut(effect.cdb, effect.dataOut));
  });
});

test('every command of the device server has its data described', () => {
  const described = new Set(COMMAND_DATA.map(({ cdb }) => cdb.name));
  expect(supportedCommands().filter(({ name }) => !described.has(name))).toEqual([]);
});

function hasData(format: DataFormat | string): boolean {
  return format !== 'no data';
}

/** Commands whose list may be left out, and whose effect is shown without one. */
function isOptional({ command, cdb, dataOut }: CommandEffect): boolean {
  const withoutList = new Set([0x04, 0x1d, 0x4c, 0x93]);
  return dataOut === undefined && (withoutList.has(cdb[0]!) || command.name.startsWith('VERIFY'));
}

function expectDescribed(format: DataFormat | string, description: ReturnType<typeof explainDataIn>): void {
  if (typeof format === 'string') return expect(description).toBeUndefined();
  expect(description).toBeDefined();
  expect(description!.truncated).toBeUndefined();
  const text = descriptionText(description!);
  expect(text.split('\n').length).toBeGreaterThan(1);
  expect(text).not.toContain('unknown');
}
