import type { KeyDefinition } from './key-definition.ts';
import { parseBoolean, parseList, parseNumber } from './key-values.ts';

/** What this side would choose for a key: a number, a boolean, or the list values it supports. */
export type KeyPreference = number | boolean | readonly string[];

/** The answer to a proposal, as text to send back, and the value that is in force from then on. */
export interface KeyAnswer {
  readonly answer: string;
  readonly value: number | boolean | string;
}

/**
 * Answers a proposal by the key's result function (RFC 7143 §6.2.1, §6.2.2). `'Reject'` means that the
 * proposal is inadmissible (not a value of the key's kind, out of its range, nothing in common): the key
 * keeps its value. A declared number is checked against its range and taken as it is; `ours` does not
 * matter then. Answers of the kinds `declarative` and `exchange` are not for this function to give: they
 * come back `'Reject'`, as `obsolete` ones do (RFC 7143 §13.25).
 *
 * @throws TypeError when `ours` is not of the key's kind: a mistake of the caller, not of the peer.
 */
export function negotiateKey(key: KeyDefinition, offered: string, ours: KeyPreference): KeyAnswer | 'Reject' {
  switch (key.kind) {
    case 'boolean-and':
    case 'boolean-or':
      return negotiateBoolean(key, offered, ours);
    case 'numeric-min':
    case 'numeric-max':
    case 'numeric-declarative':
      return negotiateNumber(key, offered, ours);
    case 'list':
      return negotiateList(key, offered, ours);
    default:
      return 'Reject';
  }
}

function negotiateBoolean(key: KeyDefinition, offered: string, ours: KeyPreference): KeyAnswer | 'Reject' {
  if (typeof ours !== 'boolean') throw new TypeError(`${key.name} wants a boolean`);
  const theirs = parseBoolean(offered);
  if (theirs === undefined) return 'Reject';
  const value = key.kind === 'boolean-and' ? theirs && ours : theirs || ours;
  return { answer: value ? 'Yes' : 'No', value };
}

function negotiateNumber(key: KeyDefinition, offered: string, ours: KeyPreference): KeyAnswer | 'Reject' {
  if (typeof ours !== 'number') throw new TypeError(`${key.name} wants a number`);
  const theirs = parseNumber(offered);
  if (theirs === undefined || theirs < (key.minimum ?? 0) || theirs > (key.maximum ?? Infinity))
    return 'Reject';
  const value =
    key.kind === 'numeric-declarative'
      ? theirs
      : key.kind === 'numeric-min'
        ? Math.min(theirs, ours)
        : Math.max(theirs, ours);
  return { answer: String(value), value };
}

function negotiateList(key: KeyDefinition, offered: string, ours: KeyPreference): KeyAnswer | 'Reject' {
  if (typeof ours !== 'object') throw new TypeError(`${key.name} wants a list`);
  const chosen = parseList(offered).find((value) => ours.includes(value));
  return chosen === undefined ? 'Reject' : { answer: chosen, value: chosen };
}
