import { createContext, Script } from 'node:vm';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, it } from 'vitest';

/** Bundles the package as an application for the web would. */
async function bundle(): Promise<{ code: string; modules: string[] }> {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['@lunbox/source', 'browser', 'module', 'import', 'default'] },
    build: {
      write: false,
      minify: false,
      lib: {
        entry: fileURLToPath(new URL('../../src/index.ts', import.meta.url)),
        formats: ['iife'],
        name: 'iscsi',
      },
    },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (output === undefined || !('output' in output)) throw new Error('vite gave no bundle');
  const [chunk] = output.output;
  return { code: chunk.code, modules: chunk.moduleIds };
}

it('a browser bundle has no Node module in it and works without Node globals', async () => {
  const { code, modules } = await bundle();
  expect(
    modules.filter((id) => /node:|node-rs|__vite-browser-external|native-crc32c\.node/.test(id)),
  ).toEqual([]);
  const context = createContext({ TextEncoder, TextDecoder });
  new Script(code).runInContext(context);
  const result = new Script(`(() => {
    const pdu = { type: 'nop-out', immediate: true, lun: new Uint8Array(8), initiatorTaskTag: 7,
      targetTransferTag: 0xffffffff, cmdSn: 1, expStatSn: 2, data: new Uint8Array(300).fill(9) };
    const wire = iscsi.serializePdu(pdu, { header: true, data: true });
    const seen = [];
    const framer = new iscsi.Framer({
      onHeader() {},
      onPdu(header, data, ok) {
        const at = header.bytes.subarray(header.offset, header.offset + header.headerLength);
        seen.push(ok, iscsi.describe(iscsi.decodePdu(at, data)));
      },
    }, { maxDataSegmentLength: 8192 });
    framer.headerDigest = framer.dataDigest = true;
    framer.push(wire.subarray(0, 100));
    framer.push(wire.subarray(100));
    return JSON.stringify({ seen, globals: [typeof Buffer, typeof process, typeof require] });
  })()`).runInContext(context) as string;
  expect(JSON.parse(result)).toEqual({
    seen: [true, 'NOP-Out: Immediate, ITT 0x00000007, CmdSN 1, ExpStatSN 2, 300 B of data'],
    globals: ['undefined', 'undefined', 'undefined'],
  });
});
