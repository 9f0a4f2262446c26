/**
 * Loaded into the server with `node --import`: measures how long the event loop is kept from its next turn.
 * On SIGUSR2 it prints one JSON line on standard error and starts anew.
 */
import { openSync, readSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

/** Time on a processor, and time of being ready without one, of the thread of the event loop (Linux). */
const schedstat = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
const text = Buffer.alloc(96);
const times = () => {
  const [runMs, waitMs] = text.latin1Slice(0, readSync(schedstat, text, 0, text.length, 0)).split(' ');
  return { wallMs: performance.now(), runMs: Number(runMs) / 1e6, waitMs: Number(waitMs) / 1e6 };
};

let last = times();
let longest = { ownMs: 0, cpuMs: 0 };

/** From one tick to the next there is one turn at least. */
setInterval(() => {
  const now = times();
  const ownMs = now.wallMs - last.wallMs - (now.waitMs - last.waitMs);
  longest = {
    ownMs: Math.max(longest.ownMs, ownMs),
    cpuMs: Math.max(longest.cpuMs, now.runMs - last.runMs),
  };
  last = now;
}, 1).unref();

process.on('SIGUSR2', () => {
  const toMs = (nanoseconds) => nanoseconds / 1e6;
  const report = {
    event: 'turn-probe',
    longestTurnMs: toMs(delay.max),
    longestOwnTurnMs: longest.ownMs,
    longestCpuTurnMs: longest.cpuMs,
    p99TurnMs: toMs(delay.percentile(99)),
    memory: process.memoryUsage(),
  };
  delay.reset();
  longest = { ownMs: 0, cpuMs: 0 };
  process.stderr.write(`${JSON.stringify(report)}\n`);
});
