import { createContext, Script } from 'node:vm';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, it } from 'vitest';

it('a browser bundle of the codec has no Node module in it and works without Node globals', async () => {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['@lunbox/source', 'browser', 'module', 'import', 'default'] },
    build: {
      write: false,
      minify: false,
      lib: {
        entry: fileURLToPath(new URL('../../src/codec.ts', import.meta.url)),
        formats: ['iife'],
        name: 'nbs',
      },
    },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (output === undefined || !('output' in output)) throw new Error('vite gave no bundle');
  const [{ code, moduleIds }] = output.output;
  expect(moduleIds.filter((id) => /node:|__vite-browser-external|native-crc32\.node/.test(id))).toEqual([]);
  const context = createContext({ TextEncoder, TextDecoder });
  new Script(code).runInContext(context);
  const seen = new Script(`(() => {
    const header = nbs.blankHeader(nbs.Magic.REQUEST, nbs.Opcode.OPEN);
    const bytes = nbs.encodeMessage(header, nbs.encodeFields({ name: 'disk', readOnly: true }), true);
    const seen = [];
    const receiver = { onMessage: ({ opcode }, payload, intact) =>
      seen.push(nbs.opcodeName(opcode), nbs.decodeFields(payload), intact) };
    new nbs.Framer(receiver, [nbs.Magic.REQUEST], 1000).push(bytes);
    return JSON.stringify({ seen, globals: [typeof Buffer, typeof process] });
  })()`).runInContext(context) as string;
  expect(JSON.parse(seen)).toEqual({
    seen: ['OPEN', { name: 'disk', readOnly: true }, true],
    globals: ['undefined', 'undefined'],
  });
});
