/**
 * Loaded into the server with `node --import`: measures how long the event loop is kept from its next turn.
 * On SIGUSR2 it prints one JSON line on standard error and starts anew.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

process.on('SIGUSR2', () => {
  const toMs = (nanoseconds) => nanoseconds / 1e6;
  const report = {
    event: 'turn-probe',
    longestTurnMs: toMs(delay.max),
    p99TurnMs: toMs(delay.percentile(99)),
    memory: process.memoryUsage(),
  };
  delay.reset();
  process.stderr.write(`${JSON.stringify(report)}\n`);
});
