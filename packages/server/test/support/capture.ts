import { runOrThrow, startDaemon } from './processes.ts';
import { requiresTools } from './requires.ts';
import type { TempDirectory } from './temp-directory.ts';
import { spawnSync } from 'node:child_process';

/** True when packets of the loopback device can be captured here (tools and permission). */
export function canCapture(): boolean {
  if (!requiresTools('dumpcap', 'tshark')) return false;
  const list = spawnSync('dumpcap', ['-D'], { encoding: 'latin1' });
  const allowed = list.status === 0 && /\blo\b/.test(list.stdout);
  if (!allowed && process.env['CI'] === 'true')
    throw new Error('capturing on the loopback device is not permitted');
  return allowed;
}

/** A capture in progress. */
export interface Capture {
  readonly path: string;
  /** Ends the capture; the file is complete afterwards. */
  stop(): Promise<void>;
}

/** Captures the TCP traffic of one port of loopback; with the default buffer, loopback frames would be lost. */
export async function startCapture(path: string, port: number): Promise<Capture> {
  const args = ['-q', '-i', 'lo', '-f', `tcp port ${port}`, '-B', '128', '-w', path];
  const daemon = await startDaemon('dumpcap', args, { isReadyLine: (line) => line.startsWith('File:') });
  return {
    path,
    stop: async () => {
      // The kernel hands packets over in batches; the last ones need a moment.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await daemon.end('SIGINT');
    },
  };
}

const ATTEMPTS = 5;

/**
 * Captures what `session` does at one port of loopback, and judges it. A busy machine loses packets, and a capture with
 * holes proves nothing: it is taken again.
 */
export async function captureSession(
  directory: TempDirectory,
  port: number,
  session: () => Promise<unknown>,
): Promise<CaptureVerdict> {
  for (let attempt = 1; ; attempt++) {
    const capture = await startCapture(directory.file(`session-${port}-${attempt}.pcapng`), port);
    await session();
    await capture.stop();
    const verdict = await judgeCapture(capture.path, port);
    if (verdict.holes === 0 || attempt === ATTEMPTS) return verdict;
  }
}

/** What the dissectors hold against a capture. Lines are tshark's one-line summaries. */
export interface CaptureVerdict {
  /** Count of iSCSI PDUs by opcode, e.g. `0x01`. */
  readonly pdus: ReadonlyMap<string, number>;
  readonly malformed: readonly string[];
  /** Frames with an expert item of severity error. */
  readonly errors: readonly string[];
  /** Invalid opcodes, keys, or additional header segments. */
  readonly invalid: readonly string[];
  readonly badDigests: number;
  readonly goodDigests: number;
  /** Segments that the capture itself lost: then nothing is proven. */
  readonly holes: number;
  /** Rejects and asynchronous messages, to be judged by the test. */
  readonly complaints: readonly string[];
}

/** INQUIRY data cut by a small allocation length inside a VPD designator counts as malformed: a known misreading. */
const notInquiry = '!(scsi_sbc.opcode == 0x12) && !(scsi.spc.opcode == 0x12)';

/** Has wireshark's iSCSI and SCSI dissectors judge a capture. */
export async function judgeCapture(path: string, port: number): Promise<CaptureVerdict> {
  const base = [
    ...['-r', path, '-n', '-d', `tcp.port==${port},iscsi`],
    ...['-o', `iscsi.target_ports:${port}`],
    // Without a larger limit, PDUs above 256 KiB are not dissected at all.
    ...['-o', 'iscsi.bogus_pdu_max_data_len:16777215'],
  ];
  const tshark = (...args: string[]): Promise<string> =>
    runOrThrow('tshark', [...base, ...args], { timeoutMs: 120_000 });
  const list = async (filter: string): Promise<string[]> =>
    (await tshark('-Y', filter)).split('\n').filter((line) => line.trim() !== '');
  const pdus = new Map<string, number>();
  for (const code of (await tshark('-Y', 'iscsi', '-T', 'fields', '-e', 'iscsi.opcode')).split(/[\n,]/)) {
    if (code !== '') pdus.set(code, (pdus.get(code) ?? 0) + 1);
  }
  const digests = await tshark('-V', '-Y', 'iscsi.headerdigest32 || iscsi.datadigest32');
  return {
    pdus,
    malformed: await list(`_ws.malformed && ${notInquiry}`),
    errors: await list(`_ws.expert.severity == "Error" && ${notInquiry}`),
    invalid: await list('iscsi.opcode.invalid || iscsi.keyvalue.invalid || iscsi.ahs.unknown_blob'),
    badDigests: digests.match(/Digest: 0x.*Bad CRC32/g)?.length ?? 0,
    goodDigests: digests.match(/Digest: 0x.*Good CRC32/g)?.length ?? 0,
    holes: (await list('tcp.analysis.ack_lost_segment || tcp.analysis.lost_segment')).length,
    complaints: await list('iscsi.opcode == 0x3f || iscsi.opcode == 0x32'),
  };
}
