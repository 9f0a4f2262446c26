// `npm run fuzz`: the long form of the fuzzers of `npm test`: a million PDUs at the framer and at the engine, a million
// logins, response fences in the same proportion, and a million messages at the codecs and servers of NBS and NBD.
// `npm run fuzz -- 5000000` takes another number.
import { spawn } from 'node:child_process';

const count = Number(process.argv[2] ?? 1_000_000);
if (!Number.isSafeInteger(count) || count < 1000) {
  console.error('npm run fuzz -- NUMBER: how many PDUs and logins, at least 1000');
  process.exit(2);
}
const suites = [
  'packages/iscsi-pdu/test/property/fuzz.test.ts',
  'packages/iscsi-target/test/property/hostile-input.test.ts',
  'packages/iscsi-target/test/property/hostile-login.test.ts',
  'packages/iscsi-target/test/property/response-fence.test.ts',
  'packages/nbs/test/property',
  'packages/nbd/test/property',
];
const env = {
  ...process.env,
  LUNBOX_FUZZ_PDUS: String(count),
  LUNBOX_FUZZ_LOGINS: String(count),
  LUNBOX_FUZZ_FENCES: String(Math.ceil(count / 1000)),
};
const arguments_ = ['vitest', 'run', ...suites, '--testTimeout', '3600000'];
const child = spawn('npx', arguments_, { env, stdio: 'inherit' });
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
