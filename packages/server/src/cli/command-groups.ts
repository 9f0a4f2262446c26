import type { Command } from 'commander';

/** Adds commands to a program; what a command answers with `setExitCode` is how the process ends. */
export type AddCommands = (program: Command, setExitCode: (code: number) => void) => void;

/** Commands that one module defines. */
export interface CommandGroup {
  readonly commands: readonly string[];
  readonly load: () => Promise<AddCommands>;
}

/**
 * All commands, in the order of the help. A module is loaded when one of its commands is wanted: a server takes most of
 * a second to load, and nobody should wait for it who asks for the size of a disk.
 */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { commands: ['create'], load: async () => (await import('./create-command.ts')).addCreate },
  { commands: ['info'], load: async () => (await import('./info-command.ts')).addInfo },
  {
    commands: ['check', 'repair'],
    load: async () => (await import('./check-command.ts')).addCheckAndRepair,
  },
  {
    commands: ['resize', 'rename', 'delete', 'export', 'import'],
    load: async () => (await import('./life-command.ts')).addLife,
  },
  { commands: ['catalog'], load: async () => (await import('./catalog-command.ts')).addCatalog },
  { commands: ['attributes'], load: async () => (await import('./attributes-command.ts')).addAttributes },
  { commands: ['snap'], load: async () => (await import('./snap-command.ts')).addSnap },
  { commands: ['serve'], load: async () => (await import('./serve-command.ts')).addServe },
  { commands: ['config'], load: async () => (await import('./config-command.ts')).addConfig },
  { commands: ['control'], load: async () => (await import('./control-command.ts')).addControl },
];
