import type { LunboxServer } from '../server.ts';
import { parsePortal } from '../portal.ts';
import type { ServedLun } from '../status.ts';
import { formatSize } from './size.ts';

/** What is said of a LUN that is more than a disk. */
const KINDS: Readonly<Record<ServedLun['kind'], string>> = {
  disk: '',
  'removable-disk': ', removable',
  'cd-rom': ', CD-ROM',
};

type Section = readonly [title: string, lines: readonly string[]];

/**
 * What a person reads when the disks can be reached: what is served, and what to paste to connect; `chapUser` is whom
 * initiators log in as.
 */
export function connectionGuide(server: LunboxServer, chapUser?: string): string {
  const [target] = server.targets;
  if (!target) return '';
  const url = target.luns[0]?.url ?? '';
  const [portal = ''] = url.slice('iscsi://'.length).split('/');
  const { host, port } = parsePortal(portal);
  const served: Section[] = [
    ['Portal', server.portals.map((each) => (server.tlsPortals.includes(each) ? `${each} (TLS)` : each))],
    ...(server.nbsPortals.length === 0 ? [] : [['NBS', server.nbsPortals] as const]),
    ...(server.nbdPortals.length === 0 ? [] : [['NBD', server.nbdPortals.map(nbdUri)] as const]),
    ['Target', [target.iqn]],
    ...target.luns.map((lun): Section => [
      `LUN ${lun.lun}`,
      [
        `${formatSize(lun.sizeBytes)} in ${lun.path ?? 'memory'}${lun.readOnly ? ', read-only' : ''}${KINDS[lun.kind]}`,
        `identity ${lun.identity}`,
        lun.url,
      ],
    ]),
  ];
  const connect: Section[] = [
    [
      'Linux',
      [
        `sudo iscsiadm -m discovery -t sendtargets -p ${portal}`,
        `sudo iscsiadm -m node -T ${target.iqn} -p ${portal} --login`,
      ],
    ],
    ['QEMU', [`qemu-img info ${url}`, `qemu-system-x86_64 -drive format=raw,file=${url}`]],
    ['libiscsi', [`iscsi-ls -s iscsi://${portal}`, `iscsi-inq ${url}`]],
    [
      'Windows',
      [
        `New-IscsiTargetPortal -TargetPortalAddress ${host} -TargetPortalPortNumber ${port}`,
        `Connect-IscsiTarget -NodeAddress ${target.iqn}`,
      ],
    ],
  ];
  if (chapUser !== undefined) {
    const withLogin = url.replace('iscsi://', `iscsi://${chapUser}%SECRET@`);
    connect.push(['With CHAP', [`user ${chapUser} and the secret, as in ${withLogin}`]]);
  }
  return [
    'Lunbox is ready.',
    '',
    ...render(served),
    '',
    'Connect from',
    ...render(connect),
    '',
    'Ctrl-C stops it.',
  ].join('\n');
}

function render(sections: readonly Section[]): string[] {
  const width = Math.max(...sections.map(([title]) => title.length));
  return sections.flatMap(([title, lines]) =>
    lines.map((line, index) => `  ${(index === 0 ? title : '').padEnd(width)}  ${line}`),
  );
}

/** What nbdinfo, nbdcopy and QEMU take. */
function nbdUri(portal: string): string {
  return portal.startsWith('unix:')
    ? `nbd+unix:///?socket=${portal.slice('unix:'.length)}`
    : `nbd://${portal}`;
}
