import assert from 'node:assert/strict';
import type { BlockDevice, Extent } from '../block-device.ts';
import type { BlockErrorCode } from '../errors.ts';
import { BlockError } from '../errors.ts';

/** A device to be judged, fresh: nothing was written to it yet. */
export interface ComplianceSubject {
  /** Writable, 1 MiB at least. */
  readonly device: BlockDevice;
  /** Changes the capacity, where the device can; the rule about announcing it is left out otherwise. */
  readonly resize?: (size: number) => void | Promise<void>;
  /** Cleans up. The device may be closed by then. */
  dispose(): void | Promise<void>;
}

/** What {@link blockDeviceCompliance} works with. */
export interface ComplianceSuite {
  /** Begins the name of each test. */
  readonly name: string;
  /** Makes the device for one test. */
  create(): ComplianceSubject | Promise<ComplianceSubject>;
  /** Declares a test: `it` or `test` of a framework. */
  test(name: string, fn: () => Promise<void>): void;
  /** Seed of the random histories. Default 1. */
  readonly seed?: number;
  /** Operations in each random history. Default 300. */
  readonly operations?: number;
}

/** A rule: throws when the device breaks it. */
export type Rule = (subject: ComplianceSubject, suite: ComplianceSuite) => Promise<void>;

/** Rules by what they demand. */
export type Rules = Readonly<Record<string, Rule>>;

/** `length` bytes that differ from place to place and from `salt` to `salt`; none is zero. */
export function pattern(length: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = ((i * 31 + (i >>> 9) * 7 + salt * 101) % 255) + 1;
  return bytes;
}

/** Reads a range into one buffer that was not zero before. */
export async function readBack(device: BlockDevice, offset: number, length: number): Promise<Uint8Array> {
  const into = new Uint8Array(length).fill(0xa5);
  await device.read([into], offset);
  return into;
}

/** Like `deepEqual`, with a message that a person can use. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) === 0) return;
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  assert.fail(`${what}: byte ${at} of ${expected.length} is ${actual[at]} and should be ${expected[at]}`);
}

/** The operation must throw or reject with a `BlockError` of this code. */
export async function assertRefused(code: BlockErrorCode, operation: () => unknown): Promise<void> {
  let result: unknown;
  try {
    result = await operation();
  } catch (error) {
    assert.ok(error instanceof BlockError, `${String(error)} is not a BlockError`);
    assert.equal(error.code, code);
    return;
  }
  assert.fail(`${code} expected, answered ${String(result)}`);
}

/** Extents must adjoin from `offset` on, be merged, in whole blocks, and end no later than the question. */
export function assertCover(
  device: BlockDevice,
  extents: readonly Extent[],
  offset: number,
  end: number,
): void {
  let at = offset;
  let before: Extent['state'] | undefined;
  for (const extent of extents) {
    assert.equal(extent.offset, at, 'extents adjoin');
    assert.ok(extent.length > 0 && extent.length % device.blockSize === 0, 'extents are whole blocks');
    assert.notEqual(extent.state, before, 'adjoining extents of one state are merged');
    before = extent.state;
    at += extent.length;
  }
  assert.ok(at <= end, 'extents end with the question');
}
