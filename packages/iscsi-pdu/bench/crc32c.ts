// Nanoseconds per CRC32C by length, table against native: where the line between them lies.
import { performance } from 'node:perf_hooks';
import { nativeCrc32c } from '../src/native-crc32c.node.ts';
import { tableCrc32c } from '../src/table-crc32c.ts';

const TOTAL_BYTES = 64 << 20;
const MAX_CALLS = 500_000;

function nanosecondsPerCall(crc: (bytes: Uint8Array, seed: number) => number, bytes: Uint8Array): number {
  const calls = Math.min(MAX_CALLS, Math.ceil(TOTAL_BYTES / bytes.length));
  let sum = 0;
  for (let i = 0; i < calls; i++) sum ^= crc(bytes, sum);
  const start = performance.now();
  for (let i = 0; i < calls; i++) sum ^= crc(bytes, sum);
  return ((performance.now() - start) * 1e6) / calls;
}

for (const length of [48, 64, 128, 192, 256, 512, 1024, 4096, 65536]) {
  const bytes = Uint8Array.from({ length }, (_, i) => i);
  const table = nanosecondsPerCall(tableCrc32c, bytes).toFixed(0).padStart(8);
  const native = nativeCrc32c === undefined ? 'absent' : nanosecondsPerCall(nativeCrc32c, bytes).toFixed(0);
  console.log(`${String(length).padStart(6)} B  table ${table} ns  native ${native.padStart(8)} ns`);
}
