import type { LunClient } from '../disk/lun-client.ts';
import { isUnsupported } from '../disk/lun-client.ts';

/** A command whose answer tells its own length. */
export interface Question {
  readonly cdb: (allocationLength: number) => Uint8Array;
  /** What is asked for at first: enough for most answers, and no more than any unit stands. */
  readonly firstBytes: number;
  /** How long the answer is, by its header; without it the first bytes are all. */
  readonly totalBytes?: (data: Uint8Array) => number;
  /** The most that may be asked for: what ALLOCATION LENGTH holds, or what an answer is worth. */
  readonly maxBytes: number;
}

/** Ways to ask for the same, the best first: the next is taken where a unit does not know one. */
export type Alternatives = readonly Question[];

/** A command that was answered. */
export interface Answer {
  readonly cdb: Uint8Array;
  readonly data: Uint8Array;
}

/** The length that a field of the header tells: what follows the field, and what is up to its end. */
export function lengthField(offset: number, fieldBytes: 1 | 2 | 4): (data: Uint8Array) => number {
  return (data) => {
    const field = data.subarray(offset, offset + fieldBytes);
    return offset + fieldBytes + field.reduce((value, byte) => value * 256 + byte, 0);
  };
}

/**
 * Asks a unit, again with more room where the answer was longer.
 *
 * @throws InitiatorError what the last way was refused with, or another failure.
 */
export async function ask(unit: LunClient, alternatives: Alternatives): Promise<Answer> {
  for (const [index, question] of alternatives.entries()) {
    try {
      return await askOnce(unit, question);
    } catch (error) {
      if (!isUnsupported(error) || index === alternatives.length - 1) throw error;
    }
  }
  throw new Error('there is no way to ask');
}

async function askOnce(unit: LunClient, question: Question): Promise<Answer> {
  const { firstBytes, totalBytes, maxBytes } = question;
  const first = question.cdb(firstBytes);
  const data = await unit.inquire(first, firstBytes);
  const wanted = Math.min(totalBytes?.(data) ?? data.length, maxBytes);
  if (data.length < firstBytes || wanted <= firstBytes) {
    return { cdb: first, data: data.subarray(0, Math.max(wanted, 0)) };
  }
  const whole = question.cdb(wanted);
  return { cdb: whole, data: await unit.inquire(whole, wanted) };
}
