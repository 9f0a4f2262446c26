/**
 * Failures on an ordinary disk that are the tool's own fault, with the reason. All but the last pass on another LUN:
 * see `SPECIAL_LUNS`.
 */
export const knownFailures: ReadonlyMap<string, string> = new Map([
  [
    'WriteAtomic16.Simple',
    'writes up to 256 blocks whatever MAXIMUM ATOMIC TRANSFER LENGTH of VPD page B0h says, ' +
      'which is 1 for a disk in a file',
  ],
  [
    'GetLBAStatus.UnmapSingle',
    'asks for the status of LBA i+1 and expects a descriptor of LBA i + (blocks per physical block), ' +
      'which only a disk whose physical block is one logical block can give',
  ],
  [
    'ReportSupportedOpcodes.OneCommand',
    'has room for 16 bytes of CDB usage data, and takes those of a 32-byte CDB, WRITE SAME(32), for zeroes',
  ],
  [
    'StartStopUnit.NoLoej',
    'expects a disk to be ready after START STOP UNIT with START 0, which makes it NOT READY (SBC-3 5.25)',
  ],
  [
    'StartStopUnit.PwrCnd',
    'expects GOOD for every POWER CONDITION, the reserved ones included (4h to 6h, 8h, 9h, Ch to Fh)',
  ],
]);

const NO_CRYPTO_ERASE =
  'a storage object has no encryption, so SANITIZE, CRYPTOGRAPHIC ERASE is not there and WACEREQ is 0';

/** Tests that Lunbox skips, as a whole or in part, with the reason. Any other skip is an error. */
export const knownSkips: ReadonlyMap<string, string> = new Map([
  ['Sanitize.CryptoErase', NO_CRYPTO_ERASE],
  ['Sanitize.Readonly', `in part: ${NO_CRYPTO_ERASE}; the other service actions are refused as they should`],
  ['Sanitize.Reservations', `in part: ${NO_CRYPTO_ERASE}; the other service actions conflict as they should`],
  ['WriteAtomic16.VPD', 'in part: atomic writes have no alignment and no granularity that could be violated'],
]);

/**
 * Tests that can only pass the second time in one process, with the reason. The tool has every iSCSI test in two
 * families, so that a pattern runs it twice, each time in a session of its own; the second run counts.
 */
export const twiceToPass: ReadonlyMap<string, string> = new Map([
  [
    'iSCSITMF.LUNResetSimpleAsync',
    'asserts, before it has read anything, a static variable that only the answer to LOGICAL UNIT RESET sets',
  ],
]);
