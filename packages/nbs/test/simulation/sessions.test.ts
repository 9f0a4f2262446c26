import { expect, it, vi } from 'vitest';
import { playSessionHistory, SESSION_PROFILES } from '../support/session-history.ts';

vi.setConfig({ testTimeout: 600_000 });

const COUNT = Number(process.env['LUNBOX_NBS_HISTORIES'] ?? 200);

it.each(Object.keys(SESSION_PROFILES))(
  '%s: all is done once, and nothing that was answered is lost',
  async (profile) => {
    for (let seed = 1; seed <= COUNT; seed++)
      await playSessionHistory(profile, seed).catch((cause: unknown) => {
        throw new Error(`npm run simulate -- 1 --profile ${profile} --seed ${seed}`, { cause });
      });
    expect(COUNT).toBeGreaterThan(0);
  },
);
