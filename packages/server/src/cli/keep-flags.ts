import { RETENTION_RULES, type RetentionGrid } from '@lunbox/snapshot';
import { InvalidArgumentError, type Command } from 'commander';
import { positiveInteger } from './arguments.ts';

type Rule = (typeof RETENTION_RULES)[number];

/** `--keep-last`, `--older-than` and so on, as commander has them. */
export type KeepFlags = { readonly [R in Rule as `keep${Capitalize<R>}`]?: number } & {
  readonly olderThan?: number;
};

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const TEXTS: Readonly<Record<Rule, string>> = {
  last: 'keep so many, the newest',
  hourly: 'keep the newest of so many hours that have one',
  daily: 'keep the newest of so many days that have one',
  weekly: 'keep the newest of so many weeks that have one',
  monthly: 'keep the newest of so many months that have one',
  yearly: 'keep the newest of so many years that have one',
};

/** Adds the flags that say which snapshots are kept. */
export function addKeepFlags(command: Command): Command {
  for (const rule of RETENTION_RULES) command.option(`--keep-${rule} <n>`, TEXTS[rule], positiveInteger);
  return command.option('--older-than <time>', 'keep all that are younger, such as 12h or 30d', timeArgument);
}

/** What they say. */
export function gridOf(flags: KeepFlags): RetentionGrid {
  const numbers = RETENTION_RULES.map((rule) => {
    const flag = `keep${rule[0]?.toUpperCase()}${rule.slice(1)}` as keyof KeepFlags;
    return [rule, flags[flag]] as const;
  });
  const all = [...numbers, ['olderThanMs', flags.olderThan] as const];
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}

/** Reads `90s`, `30m`, `12h`, `30d` or `8w`, for commander. */
export function timeArgument(text: string): number {
  const { number = '', unit = '' } = /^(?<number>\d+)(?<unit>[smhdw])$/.exec(text)?.groups ?? {};
  const timeMs = Number(number) * (UNITS_MS[unit] ?? NaN);
  if (!Number.isSafeInteger(timeMs) || timeMs < 1)
    throw new InvalidArgumentError('Write a time such as 12h or 30d.');
  return timeMs;
}
