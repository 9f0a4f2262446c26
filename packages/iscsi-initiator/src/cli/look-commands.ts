import { decodeLun, parseLunList, REPORT_LUNS } from '@lunbox/scsi';
import { discoverTargets } from '../discovery.ts';
import { parseIscsiUrl } from '../iscsi-url.ts';
import { IscsiSession } from '../session.ts';
import { systemSeams } from '../shell/seams.ts';
import { formatPortal } from '../transport.ts';
import { openDisk, sessionOptions, type CommandLine } from './command-line.ts';

const LUN_LIST_BYTES = 8 + 8 * 1024;

/** `ls`: the targets of a portal, where each is reached, and its LUNs. */
export async function list(line: CommandLine): Promise<void> {
  const url = parseIscsiUrl(line.url);
  const options = sessionOptions(line, url);
  const seams = systemSeams(url.tls ? {} : undefined);
  for (const { name, portals } of await discoverTargets(options, seams)) {
    console.log(`${name} ${portals.map(formatPortal).join(' ')}`);
    const session = new IscsiSession({ ...options, targetName: name }, seams);
    try {
      for (const lun of await lunsOf(session)) console.log(`  LUN ${lun}`);
    } catch (error) {
      console.log(`  ${(error as Error).message}`);
    } finally {
      await session.close();
    }
  }
}

async function lunsOf(session: IscsiSession): Promise<(number | string)[]> {
  await session.open();
  const data = new Uint8Array(LUN_LIST_BYTES);
  const cdb = REPORT_LUNS.encode({ ALLOCATION_LENGTH: data.length });
  const request = { lun: 0, cdb, read: [data] };
  // A new session begins with a unit attention, which some targets report even here; the second try is past it.
  let result = await session.command(request);
  if (result.sense !== undefined) result = await session.execute(request);
  return parseLunList(data.subarray(0, result.receivedBytes)).map(
    (lun) => decodeLun(lun) ?? Buffer.from(lun).toString('hex'),
  );
}

/** `info`: what a disk is to this initiator, and what its session agreed on. */
export async function information(line: CommandLine): Promise<void> {
  const disk = await openDisk(line);
  try {
    console.dir({ properties: disk.properties, session: disk.session.parameters });
  } finally {
    await disk.close();
  }
}
