import type { QuiesceDriver } from './driver.ts';
import { suspendGuarded, type Command, type CommandPair } from './guard.ts';

/** An application that is suspended and resumed by commands of its own; each ends with 0 when it is done. */
export function commandDriver(name: string, commands: CommandPair): QuiesceDriver {
  return { name, layer: 'application', suspend: (limits) => suspendGuarded(commands, limits) };
}

/** A file system, by its mount point: it is written out, and whoever changes it waits. Takes root. */
export function fsfreezeDriver(path: string): QuiesceDriver {
  const commands: CommandPair = {
    freeze: ['fsfreeze', '--freeze', path],
    thaw: ['fsfreeze', '--unfreeze', path],
  };
  return {
    name: `fsfreeze ${path}`,
    layer: 'file-system',
    suspend: (limits) => suspendGuarded(commands, limits),
  };
}

/** Ends with 0 when the answer is one of success. */
const POST = `fetch(process.argv[1], { method: 'POST' }).then(
  ({ ok, status }) => { if (!ok) { console.error('the answer is ' + status); process.exitCode = 1; } },
  (error) => { console.error(String(error.cause ?? error)); process.exitCode = 1; })`;

/** An application that suspends itself when it is asked to by a POST, and goes on after another. */
export function httpDriver(
  name: string,
  urls: { readonly freeze: string; readonly thaw: string },
): QuiesceDriver {
  const post = (url: string): Command => [process.execPath, '-e', POST, url];
  return commandDriver(name, { freeze: post(urls.freeze), thaw: post(urls.thaw) });
}
