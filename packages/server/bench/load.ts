/**
 * The load generator as a process of its own, so that its work is not counted as the target's:
 * `load.ts '{"target":{…},"workload":{…}}'` prints one JSON line with the {@link LoadResult} and its own
 * processor time.
 */
import { runWorkload, type LoadTarget, type Workload } from './workload.ts';

const { target, workload } = JSON.parse(process.argv[2] ?? '{}') as {
  target: LoadTarget;
  workload: Workload;
};
const before = process.cpuUsage();
const startedAt = performance.now();
const result = await runWorkload(target, workload);
const { user, system } = process.cpuUsage(before);
const generatorShare = (user + system) / 1000 / (performance.now() - startedAt);
console.log(JSON.stringify({ ...result, generatorShare }));
