/** Names of mode pages (SPC-5 table 452, SBC-4 table 232), by page code and subpage code. */
const MODE_PAGE_NAMES: ReadonlyMap<number, string> = new Map([
  [0x0100, 'Read-Write Error Recovery'],
  [0x0200, 'Disconnect-Reconnect'],
  [0x0300, 'Format Device'],
  [0x0400, 'Rigid Disk Geometry'],
  [0x0500, 'Flexible Disk'],
  [0x0700, 'Verify Error Recovery'],
  [0x0800, 'Caching'],
  [0x0a00, 'Control'],
  [0x0a01, 'Control Extension'],
  [0x0a02, 'Application Tag'],
  [0x0a03, 'Command Duration Limit A'],
  [0x0a04, 'Command Duration Limit B'],
  [0x0a05, 'IO Advice Hints Grouping'],
  [0x0a06, 'Background Operation Control'],
  [0x0d00, 'CD Device Parameters'],
  [0x0e00, 'CD Audio Control'],
  [0x1000, 'XOR Control'],
  [0x1800, 'Protocol Specific Logical Unit'],
  [0x1900, 'Protocol Specific Port'],
  [0x1a00, 'Power Condition'],
  [0x1a01, 'Power Consumption'],
  [0x1c00, 'Informational Exceptions Control'],
  [0x1c01, 'Background Control'],
  [0x1c02, 'Logical Block Provisioning'],
  [0x2a00, 'MM Capabilities and Mechanical Status'],
]);

/** The standard's name of a mode page; undefined for pages of vendors and reserved ones. */
export function modePageName(pageCode: number, subpageCode = 0): string | undefined {
  return MODE_PAGE_NAMES.get((pageCode << 8) | subpageCode);
}
