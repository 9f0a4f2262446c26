import { describe, expect, it } from 'vitest';
import { Redirects } from '../../src/cli/redirects.ts';

const ALICE = 'iqn.1994-05.com.example:alice';
const BOB = 'iqn.1994-05.com.example:bob';
const here = { address: '127.0.0.1', port: 3260 };

describe('the redirections of a server that runs', () => {
  let sessions = 0;

  const newRedirects = (): {
    redirects: Redirects;
    where: (initiatorName: string, portalGroupTag?: number) => string | undefined;
  } => {
    sessions = 0;
    const redirects = new Redirects(() => sessions);
    const targetName = 'iqn.2026-11.com.example:disk';
    return {
      redirects,
      where: (initiatorName, portalGroupTag = 1) =>
        redirects.find({ initiatorName, targetName, portalGroupTag, local: here, remote: here })?.address,
    };
  };

  it('are none at first, and none when they are taken back', () => {
    const { redirects, where } = newRedirects();
    expect(where(ALICE)).toBeUndefined();
    redirects.add({ address: 'a:1', permanent: false });
    expect(where(ALICE)).toBe('a:1');
    redirects.clear();
    expect(where(ALICE)).toBeUndefined();
  });

  it('are by initiator and by portal group, and the latest that fits decides', () => {
    const { redirects, where } = newRedirects();
    redirects.add({ address: 'a:1', permanent: false });
    redirects.add({ address: 'b:2', permanent: false, portalGroup: 2 });
    redirects.add({ address: 'c:3', permanent: true, initiator: ALICE });
    expect([where(ALICE), where(BOB), where(ALICE, 2), where(BOB, 2)]).toEqual(['c:3', 'a:1', 'c:3', 'b:2']);
    redirects.add({ address: 'd:4', permanent: false, portalGroup: 2 });
    expect([where(BOB, 2), redirects.rules.length]).toEqual(['d:4', 3]);
  });

  it('are by load', () => {
    const { redirects, where } = newRedirects();
    redirects.add({ address: 'a:1', permanent: false, sessions: 2 });
    const seen = [0, 1, 2, 3, 1].map((count) => {
      sessions = count;
      return where(ALICE);
    });
    expect(seen).toEqual([undefined, undefined, 'a:1', 'a:1', undefined]);
  });

  it('leave discovery where it is', () => {
    const { redirects } = newRedirects();
    redirects.add({ address: 'a:1', permanent: false });
    const discovery = {
      initiatorName: ALICE,
      targetName: undefined,
      portalGroupTag: 1,
      local: here,
      remote: here,
    };
    expect(redirects.find(discovery)).toBeUndefined();
  });
});
