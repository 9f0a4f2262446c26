// The foreign programs that interop tests drive. Names what is missing, and installs it where that is possible.
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './process.mjs';

/** Debian packages, and the programs that are needed from each. @type {Record<string, string[]>} */
const programsByPackage = {
  'libiscsi-bin': ['iscsi-ls', 'iscsi-inq', 'iscsi-readcapacity16', 'iscsi-test-cu', 'iscsi-perf'],
  'qemu-utils': ['qemu-img', 'qemu-io'],
  e2fsprogs: ['mkfs.ext4', 'debugfs', 'e2fsck', 'filefrag'],
  xfsprogs: ['mkfs.xfs'],
  'btrfs-progs': ['mkfs.btrfs', 'btrfs'],
  tshark: ['tshark', 'dumpcap'],
  tgt: ['tgtd', 'tgtadm'],
  'sg3-utils': ['sg_inq', 'sg_vpd', 'sg_logs', 'sg_opcodes', 'sg_persist', 'sg_decode_sense'],
  sdparm: ['sdparm'],
  // For cc, with the headers of libc, which gcc alone may lack.
  'g++': ['cc'],
  fio: ['fio'],
  'libnbd-bin': ['nbdcopy'],
  python3: ['python3'],
  samba: ['smbd'],
  smbclient: ['smbclient'],
  'nfs-ganesha': ['ganesha.nfsd'],
  'libnfs-utils': ['nfs-cp', 'nfs-cat'],
  rsync: ['rsync'],
  bindfs: ['bindfs'],
  openssl: ['openssl'],
  'qemu-system-common': ['qemu-storage-daemon'],
  postgresql: ['pg_ctlcluster', 'psql'],
  'mariadb-server': ['mariadbd', 'mariadb-install-db'],
  'mariadb-client': ['mariadb'],
};

/** Programs of administration lie in `sbin`, which is not on every user's PATH. */
const searchPath = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** @param {string} program */
function isInstalled(program) {
  return searchPath.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** QEMU's iSCSI driver is a module in a package of its own; without it `iscsi://` URLs are refused. */
async function qemuSpeaksIscsi() {
  const { output } = await run('qemu-img', ['--help']);
  return /^Supported formats:.*\biscsi\b/m.test(output);
}

/** What NFS-Ganesha serves an ordinary directory by is a library in a package of its own. */
function ganeshaServesDirectories() {
  const libraries = existsSync('/usr/lib') ? readdirSync('/usr/lib') : [];
  return libraries.some((folder) => existsSync(join('/usr/lib', folder, 'ganesha/libfsalvfs.so')));
}

/** @returns {Promise<Record<string, string[]>>} for each package that is missing: what it would bring */
async function missing() {
  const entries = Object.entries(programsByPackage)
    .map(([name, programs]) => /** @type {const} */ ([name, programs.filter((p) => !isInstalled(p))]))
    .filter(([, programs]) => programs.length > 0);
  if (!(await qemuSpeaksIscsi())) entries.push(['qemu-block-extra', ['iscsi driver of qemu']]);
  if (!ganeshaServesDirectories()) entries.push(['nfs-ganesha-vfs', ['VFS module of NFS-Ganesha']]);
  return Object.fromEntries(entries);
}

/**
 * apt-get, three times when the network fails; no question is ever asked.
 * @param {string[]} args
 */
async function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-y', '-q', '-o', 'Acquire::Retries=3', '-o', 'DPkg::Lock::Timeout=120'];
  for (let attempt = 1; attempt <= 3; attempt++) {
    const { code, output } = await run('apt-get', [...options, ...args], { env, limitMs: 5 * 60_000 });
    if (code === 0) return true;
    console.log(`apt-get ${args.join(' ')}: attempt ${attempt} of 3 failed\n${output.slice(-2000)}`);
  }
  return false;
}

/**
 * Makes sure of the foreign programs: installs the missing ones as root on Debian and Ubuntu, and otherwise says
 * what is missing and which packages bring it.
 * @returns {Promise<string[]>} what is still missing
 */
export async function ensureInteropTools() {
  const before = Object.keys(await missing());
  if (before.length === 0) return [];
  if (process.getuid?.() === 0 && isInstalled('apt-get')) {
    console.log(`installing ${before.join(' ')}`);
    if (await aptGet(['update'])) await aptGet(['install', '--no-install-recommends', ...before]);
  }
  const after = await missing();
  const programs = Object.values(after).flat();
  if (programs.length > 0) {
    console.log(`missing for interop tests: ${programs.join(', ')}`);
    console.log(`on Debian and Ubuntu: sudo apt-get install ${Object.keys(after).join(' ')}`);
  }
  return programs;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const still = await ensureInteropTools();
  if (still.length === 0) console.log('all interop programs are installed');
  process.exitCode = still.length === 0 ? 0 : 1;
}
