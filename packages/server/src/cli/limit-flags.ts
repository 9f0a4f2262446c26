import type { TargetLimits } from '@lunbox/iscsi-target';
import { ServerError } from '../server-error.ts';

/** Reads `name=value` of each `--limit`. Throws a {@link ServerError} `SERVER_BAD_OPTIONS`. */
export function limitsFromFlags(limits: readonly string[]): Partial<TargetLimits> {
  return Object.fromEntries(limits.map(readLimit));
}

function readLimit(text: string): [string, number] {
  const match = /^(?<name>\w+)=(?<value>\d+)$/.exec(text);
  if (match?.groups) return [match.groups['name'] ?? '', Number(match.groups['value'])];
  throw new ServerError(
    'SERVER_BAD_OPTIONS',
    `"${text}" is not a limit; write NAME=NUMBER, such as maxSessions=64`,
  );
}
