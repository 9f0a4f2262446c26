/**
 * One rule of RFC 7143: a sentence that says MUST, SHOULD or their like, or a transition of the state tables of §8.
 * It has tests, or a reason why there can be none, or neither: then docs/rfc7143.md counts it as untested.
 */
export interface RfcRule {
  /** Section, and place in it: `4.2.2.1-3`; of a transition its name: `8.1.4-T3`. */
  readonly id: string;
  readonly level: RfcLevel;
  /** Who has to keep it. */
  readonly who: 'target' | 'initiator' | 'both';
  /** The RFC's words; `…` stands for what is left out. */
  readonly says: string;
  /** Test files, counted from `packages/`, and the names of their tests that hold the rule; `it.each` as written. */
  readonly tests?: Readonly<Record<string, readonly string[]>>;
  /** Why no test can hold it, in one sentence; beside `tests`, what they leave out. */
  readonly because?: string;
}

/** The words of RFC 2119 that occur; `transition` stands for none, in §8. */
export type RfcLevel = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'REQUIRED' | 'transition';

/** How a rule stands. */
export type RuleState = 'tested' | 'reasoned' | 'untested';

/** A rule with a test is tested, even where a reason stands beside it. */
export function ruleState(rule: RfcRule): RuleState {
  if (rule.tests !== undefined && Object.values(rule.tests).some((names) => names.length > 0))
    return 'tested';
  return rule.because === undefined ? 'untested' : 'reasoned';
}

/** Section of a rule: `4.2.2.1` of `4.2.2.1-3`. */
export function sectionOf(rule: RfcRule): string {
  return rule.id.slice(0, rule.id.lastIndexOf('-'));
}

/** Order of two identifiers: a section before its subsections, and by the numbers in them from left to right. */
export function compareIds(left: string, right: string): number {
  const [a, b] = [left, right].map((id) => {
    const [section = '', place = ''] = id.split('-');
    return { numbers: section.split('.'), place };
  });
  for (let at = 0; at < Math.max(a?.numbers.length ?? 0, b?.numbers.length ?? 0); at += 1) {
    const order = inNumbers(a?.numbers[at] ?? '', b?.numbers[at] ?? '');
    if (order !== 0) return order;
  }
  return inNumbers(a?.place ?? '', b?.place ?? '');
}

function inNumbers(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}
