import { describe, expect, it } from 'vitest';
import {
  allSettled,
  ExtentCollector,
  isZero,
  mapMaybe,
  SeededRandom,
  SimulatedClock,
  systemClock,
  systemRandom,
  zeroBuffer,
  zeroes,
} from '../../src/index.ts';
import { Gate } from '../../src/real/gate.ts';
import { createIovecTable } from '../../src/real/iovec.ts';
import { turns } from '../support/devices.ts';

describe('SeededRandom', () => {
  it('repeats itself for a seed and differs between seeds', () => {
    const sequence = (seed: number): number[] => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 8 }, () => random.uint32());
    };
    expect(sequence(1)).toEqual(sequence(1));
    expect(sequence(1)).not.toEqual(sequence(2));
    expect(sequence(0).every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32)).toBe(true);
  });

  it('uses every byte value about equally often', () => {
    const counts = new Array<number>(256).fill(0);
    for (const byte of new SeededRandom(3).bytes(256 * 200)) counts[byte] = (counts[byte] ?? 0) + 1;
    expect(Math.min(...counts)).toBeGreaterThan(130);
    expect(Math.max(...counts)).toBeLessThan(270);
  });
});

describe('clocks', () => {
  it('run simulated timers in the order in which they fall due, unless cancelled', () => {
    const clock = new SimulatedClock(1000);
    const ran: string[] = [];
    const note = (name: string) => () => ran.push(`${name} at ${clock.nowMs()}`);
    clock.setTimer(20, note('late'));
    clock.setTimer(10, () => {
      note('early')();
      clock.setTimer(5, note('from a timer'));
    });
    const cancel = clock.setTimer(12, note('cancelled'));
    cancel();
    clock.advance(25);
    expect(ran).toEqual(['early at 10', 'from a timer at 15', 'late at 20']);
    expect(clock.unixMs()).toBe(1025);
    expect(clock.pendingTimers).toBe(0);
  });

  it('are real in the real world', async () => {
    const before = systemClock.nowMs();
    await new Promise<void>((resolve) => {
      const keepAlive = setTimeout(resolve, 1000);
      systemClock.setTimer(1, () => {
        clearTimeout(keepAlive);
        resolve();
      });
    });
    expect(systemClock.nowMs()).toBeGreaterThan(before);
    expect(Math.abs(systemClock.unixMs() - Date.now())).toBeLessThan(1000);
    expect(systemRandom.bytes(16)).toHaveLength(16);
    expect(systemRandom.uint32()).toBeLessThan(2 ** 32);
  });
});

describe('maybe promises', () => {
  it('map at once what is there', async () => {
    expect(mapMaybe(2, (value) => value + 1)).toBe(3);
    expect(await mapMaybe(Promise.resolve(2), (value) => value + 1)).toBe(3);
  });

  it('settle all before the first failure is thrown', async () => {
    let finished = false;
    const slow = async (): Promise<void> => {
      await turns(2);
      finished = true;
    };
    const fail = (): never => {
      throw new Error('first');
    };
    await expect((async () => allSettled([fail, slow]))()).rejects.toThrow('first');
    expect(finished).toBe(true);
    expect(allSettled([() => undefined])).toBeUndefined();
  });
});

describe('extents', () => {
  it('are merged and end with the question', () => {
    const collector = new ExtentCollector(100, 50);
    collector.add(10, 'hole');
    collector.add(10, 'hole');
    collector.add(0, 'mapped');
    collector.addUntil(1000, 'mapped');
    expect(collector.done).toBe(true);
    expect(collector.finish()).toEqual([
      { offset: 100, length: 20, state: 'hole' },
      { offset: 120, length: 30, state: 'mapped' },
    ]);
  });

  it('stop at the limit', () => {
    const collector = new ExtentCollector(0, 100, 1);
    collector.add(10, 'hole');
    collector.add(10, 'mapped');
    collector.add(10, 'hole');
    expect(collector.finish()).toEqual([{ offset: 0, length: 10, state: 'hole' }]);
  });
});

describe('zeroes', () => {
  it('are shared, of any length, and recognised', () => {
    const list = zeroes(2 * zeroBuffer.length + 5);
    expect(list.map((part) => part.length)).toEqual([zeroBuffer.length, zeroBuffer.length, 5]);
    expect(list.every((part) => part.buffer === zeroBuffer.buffer)).toBe(true);
    const bytes = new Uint8Array(zeroBuffer.length + 9);
    expect(isZero(bytes)).toBe(true);
    bytes[bytes.length - 1] = 1;
    expect(isZero(bytes)).toBe(false);
    expect(isZero(new Uint8Array(0))).toBe(true);
  });
});

describe('Gate', () => {
  it('lets so many run, the others in order, and survives failures', async () => {
    const gate = new Gate(2);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const job = (index: number) => async () => {
      running++;
      most = Math.max(most, running);
      order.push(index);
      await turns(1);
      running--;
      if (index === 1) throw new Error('job');
    };
    const jobs = [0, 1, 2, 3, 4].map((index) => gate.run(job(index)));
    const outcomes = await Promise.allSettled(jobs);
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual([true, false, true, true, true]);
    expect(most).toBe(2);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('iovec table', () => {
  it('writes 64-bit little-endian base and length of each buffer (struct iovec)', () => {
    const asked: ArrayBufferLike[] = [];
    const iovecs = createIovecTable((buffer) => {
      asked.push(buffer);
      return 0x7f12_3456_7000;
    });
    const memory = new ArrayBuffer(8192);
    expect(iovecs.fill([new Uint8Array(memory, 16, 100), new Uint8Array(memory, 4096)])).toBe(2);
    expect([...iovecs.table.subarray(0, 8)]).toEqual([
      0x3456_7010, 0x7f12, 100, 0, 0x3456_8000, 0x7f12, 4096, 0,
    ]);
    expect(asked).toEqual([memory]);
  });

  it('refuses small memory, which the collector may move, and long lists', () => {
    const iovecs = createIovecTable(() => 4096);
    expect(iovecs.fill([new Uint8Array(64)])).toBe(0);
    const page = new Uint8Array(4096);
    expect(iovecs.fill(Array.from({ length: 65 }, () => page))).toBe(0);
  });
});
