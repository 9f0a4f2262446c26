import type { NewContent, OnCopyProgress } from '@lunbox/storage-object';
import { spawn } from 'node:child_process';
import { openSync, readSync, closeSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { ServerError } from '../server-error.ts';

/** Formats that `lunbox import` takes, and what `qemu-img` calls them; raw ones are read without it. */
export const IMAGE_FORMATS: Readonly<Record<string, string>> = {
  raw: 'raw',
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vhdx: 'vhdx',
  vhd: 'vpc',
  vdi: 'vdi',
};

/** What images start with that are not raw, beside their format. */
const MAGICS: readonly (readonly [string, string])[] = [
  ['QFI\xfb', 'qcow2'],
  ['KDMV', 'vmdk'],
  ['COWD', 'vmdk'],
  ['# Disk DescriptorFile', 'vmdk'],
  ['vhdxfile', 'vhdx'],
  ['conectix', 'vhd'],
  ['<<< ', 'vdi'],
];

/** More than this `qemu-img` has no reason to say. */
const OUTPUT_LIMIT_BYTES = 1 << 20;

/**
 * The format of an image: what was said, or what its name tells, and raw otherwise. It is never guessed from the
 * content alone, because whoever writes a raw disk can make it look like an image that refers to files of the host;
 * such an image is refused until somebody says which it is. Throws a {@link ServerError} `SERVER_BAD_IMAGE`.
 */
export function formatOf(path: string, said: string | undefined): string {
  const named = said ?? extname(path).slice(1).toLowerCase();
  if (named !== 'raw' && Object.hasOwn(IMAGE_FORMATS, named)) return named;
  if (said !== undefined) return said;
  const looksLike = magicOf(path);
  if (looksLike === undefined) return 'raw';
  const message = `${path} may be a ${looksLike} image; say --format ${looksLike}, or --format raw if it is none`;
  throw new ServerError('SERVER_BAD_IMAGE', message);
}

function magicOf(path: string): string | undefined {
  const start = Buffer.alloc(32);
  try {
    const file = openSync(path, 'r');
    try {
      readSync(file, start, 0, start.length, 0);
    } finally {
      closeSync(file);
    }
  } catch {
    // Who opens it next says what is wrong with it.
    return undefined;
  }
  const text = start.toString('latin1');
  return MAGICS.find(([magic]) => text.startsWith(magic))?.[1];
}

/** Capacity of the disk in an image, in bytes. Throws a {@link ServerError} `SERVER_BAD_IMAGE`. */
export async function virtualSize(path: string, format: string): Promise<number> {
  const text = await qemuImg(path, ['info', '--output=json', '-f', qemuFormat(format), resolve(path)]);
  const info = JSON.parse(text) as Record<string, unknown>;
  const base = info['backing-filename'];
  if (typeof base === 'string') {
    const message = `${path} holds the changes to ${base} only; merge them with qemu-img first`;
    throw new ServerError('SERVER_BAD_IMAGE', message);
  }
  return Number(info['virtual-size']);
}

/** Has `qemu-img` write the disk in an image straight into the data area of a container; holes stay holes. */
export function converted(
  path: string,
  format: string,
  sizeBytes: number,
  onProgress: OnCopyProgress,
): NewContent {
  return async (draft, dataOffset) => {
    const area = `driver=raw,offset=${dataOffset},size=${sizeBytes}`;
    const target = `${area},file.driver=file,file.filename=${resolve(draft.path).replaceAll(',', ',,')}`;
    const how = ['convert', '-p', '-n', '--target-is-zero', '-f', qemuFormat(format), '--target-image-opts'];
    await qemuImg(path, [...how, resolve(path), target], (text) => {
      const percent = /\((\d+\.\d+)\/100%\)\s*$/.exec(text)?.[1];
      if (percent !== undefined)
        onProgress({ doneBytes: (Number(percent) / 100) * sizeBytes, totalBytes: sizeBytes });
    });
  };
}

const qemuFormat = (format: string): string => IMAGE_FORMATS[format] ?? format;

/** Runs `qemu-img`; answers what it has printed. */
function qemuImg(
  path: string,
  args: readonly string[],
  onOutput: (text: string) => void = () => undefined,
): Promise<string> {
  return new Promise((fulfil, reject) => {
    const child = spawn('qemu-img', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.out = (said.out + text).slice(-OUTPUT_LIMIT_BYTES);
      onOutput(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.err = (said.err + text).slice(-OUTPUT_LIMIT_BYTES);
    });
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const missing = 'it takes qemu-img to read it, which is not installed (Debian: apt install qemu-utils)';
      const why =
        cause.code === 'ENOENT' ? missing : `qemu-img cannot be run: ${cause.code ?? cause.message}`;
      reject(new ServerError('SERVER_BAD_IMAGE', `${path}: ${why}`, { cause }));
    });
    child.on('close', (code) => {
      if (code === 0) fulfil(said.out);
      else reject(new ServerError('SERVER_BAD_IMAGE', `${path}: ${firstLine(said.err)}`));
    });
  });
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? 'qemu-img failed';
