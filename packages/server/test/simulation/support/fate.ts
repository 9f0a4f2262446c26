import type { Dice } from '../../../../iscsi-target/test/support/dice.ts';

/** What becomes of a connection. */
export interface Fate {
  readonly kind: keyof typeof BREAKS | 'none' | 'refused' | 'corrupt' | 'stale-login';
  /** Bytes, of both directions, before it strikes. */
  readonly afterBytes: number;
  /** Corruption strikes more than once. */
  readonly again: boolean;
  /** Directions in which nothing arrives any more. */
  readonly toTarget: boolean;
  readonly toInitiator: boolean;
  /** When each end hears that the connection is gone; undefined: never by itself. */
  readonly targetHearsAfterMs: number | undefined;
  readonly initiatorHearsAfterMs: number | undefined;
}

interface Break {
  readonly toTarget: boolean;
  readonly toInitiator: boolean;
  readonly targetHears: 'soon' | 'late' | 'never';
  readonly initiatorHears: 'soon' | 'late' | 'never';
}

/** Ways in which a connection breaks. */
const BREAKS = {
  cut: { toTarget: true, toInitiator: true, targetHears: 'soon', initiatorHears: 'soon' },
  /** What is on its way still arrives before either end hears of it. */
  closed: { toTarget: false, toInitiator: false, targetHears: 'late', initiatorHears: 'late' },
  'half-close-of-initiator': {
    toTarget: true,
    toInitiator: false,
    targetHears: 'soon',
    initiatorHears: 'late',
  },
  'half-close-of-target': { toTarget: false, toInitiator: true, targetHears: 'late', initiatorHears: 'soon' },
  'unknown-to-target': { toTarget: true, toInitiator: true, targetHears: 'never', initiatorHears: 'soon' },
  'unknown-to-initiator': { toTarget: true, toInitiator: true, targetHears: 'soon', initiatorHears: 'never' },
  'deaf-target': { toTarget: true, toInitiator: false, targetHears: 'never', initiatorHears: 'never' },
  'deaf-initiator': { toTarget: false, toInitiator: true, targetHears: 'never', initiatorHears: 'never' },
  silent: { toTarget: true, toInitiator: true, targetHears: 'never', initiatorHears: 'never' },
} as const satisfies Record<string, Break>;

const NOTHING = {
  again: false,
  toTarget: false,
  toInitiator: false,
  targetHearsAfterMs: undefined,
  initiatorHearsAfterMs: undefined,
};

/** The network does what it should. */
export const NO_FATE: Fate = { kind: 'none', afterBytes: Infinity, ...NOTHING };

const BREAK_KINDS = Object.keys(BREAKS) as (keyof typeof BREAKS)[];

/** How much goes wrong in one history, as probabilities for each connection. */
export interface Weather {
  readonly breaks: number;
  readonly corrupts: number;
  readonly staleLogins: number;
}

/** Chooses the fate of a new connection. */
export function castFate(dice: Dice, { breaks, corrupts, staleLogins }: Weather): Fate {
  // A third strikes while the login is going on, or soon after it.
  const afterBytes = dice.chance(0.3) ? dice.below(1500) : dice.below(40_000);
  if (dice.chance(corrupts)) {
    return { ...NOTHING, kind: 'corrupt', afterBytes, again: dice.chance(0.5) };
  }
  if (dice.chance(staleLogins)) return { ...NOTHING, kind: 'stale-login', afterBytes: Infinity };
  if (!dice.chance(breaks)) return NO_FATE;
  if (dice.chance(0.1)) return { ...NOTHING, kind: 'refused', afterBytes: Infinity };
  const kind = dice.pick(BREAK_KINDS);
  const how: Break = BREAKS[kind];
  return {
    ...NOTHING,
    kind,
    afterBytes,
    toTarget: how.toTarget,
    toInitiator: how.toInitiator,
    targetHearsAfterMs: delayOf(dice, how.targetHears),
    initiatorHearsAfterMs: delayOf(dice, how.initiatorHears),
  };
}

function delayOf(dice: Dice, hears: 'soon' | 'late' | 'never'): number | undefined {
  if (hears === 'never') return undefined;
  return hears === 'soon' ? dice.below(5) : 20 + dice.below(2000);
}
