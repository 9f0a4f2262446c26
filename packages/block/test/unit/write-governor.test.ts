import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../src/index.ts';
import { freeRunBytes } from '../../src/real/dirty-pages.ts';
import { WriteGovernor } from '../../src/real/write-governor.ts';

const MEBIBYTE = 1 << 20;

function governed(roomBytes = Infinity): { clock: SimulatedClock; governor: WriteGovernor } {
  const clock = new SimulatedClock();
  return { clock, governor: new WriteGovernor(clock, () => roomBytes) };
}

describe('WriteGovernor', () => {
  it('allows small writes of whole pages only', () => {
    const { governor } = governed();
    expect(governor.allows(8192, 4096)).toBe(true);
    expect(governor.allows(0, 65536)).toBe(true);
    expect(governor.allows(0, 65536 + 4096)).toBe(false);
    expect(governor.allows(512, 4096)).toBe(false);
    expect(governor.allows(0, 512)).toBe(false);
  });

  it('leaves the loop for a while after a slow write, longer each time', () => {
    const { clock, governor } = governed();
    for (const restMs of [125, 250, 500]) {
      expect(governor.allows(0, 4096)).toBe(true);
      clock.advance(11);
      governor.finished();
      clock.advance(restMs - 1);
      expect(governor.allows(0, 4096)).toBe(false);
      clock.advance(1);
    }
    expect(governor.allows(0, 4096)).toBe(true);
    governor.finished();
    clock.advance(250);
    expect(governor.allows(0, 4096)).toBe(true);
    clock.advance(11);
    governor.finished();
    clock.advance(125);
    expect(governor.allows(0, 4096)).toBe(true);
  });

  it('allows a quarter of the room for dirty pages in each window', () => {
    const { clock, governor } = governed(MEBIBYTE);
    let allowed = 0;
    while (governor.allows(0, 4096)) allowed += 4096;
    expect(allowed).toBe(MEBIBYTE / 4);
    clock.advance(249);
    expect(governor.allows(0, 4096)).toBe(false);
    clock.advance(1);
    expect(governor.allows(0, 4096)).toBe(true);
  });

  it('allows nothing without room', () => {
    expect(governed(0).governor.allows(0, 4096)).toBe(false);
  });
});

describe('the room for dirty pages', () => {
  const vmstat =
    'nr_dirty 100\nnr_writeback 50\nnr_dirty_threshold 2000\nnr_dirty_background_threshold 1000\n';

  it('ends halfway between the thresholds, where the kernel starts to make writers wait', () => {
    expect(freeRunBytes(vmstat)).toBe((1500 - 150) * 4096);
    expect(freeRunBytes(vmstat.replace('nr_dirty 100', 'nr_dirty 9999'))).toBe(0);
  });

  it('is unknown without the numbers', () => {
    expect(freeRunBytes('')).toBeUndefined();
    expect(freeRunBytes('nr_dirty 100\n')).toBeUndefined();
  });
});
