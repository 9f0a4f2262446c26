/**
 * The suite that every `BlockDevice` must pass, whatever it stores to. It needs no test framework: hand it
 * the function that your framework declares a test with.
 *
 * @packageDocumentation
 */
import { boundaryRules } from './compliance/boundary-rules.ts';
import { dataRules } from './compliance/data-rules.ts';
import { lifeRules } from './compliance/life-rules.ts';
import { modelRules } from './compliance/model-rules.ts';
import { sparseRules } from './compliance/sparse-rules.ts';
import type { ComplianceSuite } from './compliance/suite.ts';

export type { ComplianceSubject, ComplianceSuite } from './compliance/suite.ts';

/** Declares all tests of the suite. Failures are `AssertionError`s of `node:assert`, with the seed if there is one. */
export function blockDeviceCompliance(suite: ComplianceSuite): void {
  for (const rules of [boundaryRules, dataRules, sparseRules, lifeRules, modelRules]) {
    for (const [rule, check] of Object.entries(rules)) {
      suite.test(`${suite.name}: ${rule}`, async () => {
        const subject = await suite.create();
        try {
          await check(subject, suite);
        } finally {
          await subject.dispose();
        }
      });
    }
  }
}
