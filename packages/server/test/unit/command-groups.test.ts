import { Command } from 'commander';
import { expect, it } from 'vitest';
import { COMMAND_GROUPS } from '../../src/cli/command-groups.ts';

it.each(COMMAND_GROUPS)('$commands are the commands of their module', async ({ commands, load }) => {
  const program = new Command();
  (await load())(program, () => undefined);
  expect(program.commands.map((command) => command.name())).toEqual(commands);
});
