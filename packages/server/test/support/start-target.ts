import { startLunbox, type LunboxOptions } from './start-lunbox.ts';
import { startTgtd } from './start-tgtd.ts';
import type { TargetKind, TargetUnderTest } from './target-under-test.ts';

/** Starts either target with the same options. */
export function startTarget(kind: TargetKind, options: LunboxOptions): Promise<TargetUnderTest> {
  return kind === 'tgtd' ? startTgtd(options) : startLunbox(options);
}

/**
 * The target that the interop tests judge. `LUNBOX_INTEROP_TARGET=tgtd` points them at the reference, which
 * shows whether a failing proof is the target's fault or the harness's.
 */
export function targetKindUnderTest(): TargetKind {
  return process.env['LUNBOX_INTEROP_TARGET'] === 'tgtd' ? 'tgtd' : 'lunbox';
}
