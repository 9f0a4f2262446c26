/** What `--help` says. */
export const USAGE = `Usage: lunbox-initiator COMMAND URL [ARGUMENT] [options]

  ls       iscsi://host[:port]                targets of a portal and their LUNs
  info     iscsi://host[:port]/target/lun     what a disk is to this initiator, and what its session agreed on
  read     iscsi://host[:port]/target/lun     bytes of a LUN to standard output
  write    iscsi://host[:port]/target/lun     standard input to a LUN
  bench    iscsi://host[:port]/target/lun     random reads, counted

What a LUN answers, in words:
  inq      URL                                standard INQUIRY data
  inq      URL --vpd [PAGE]                   a VPD page, or the list of them
  modes    URL [PAGE[,SUBPAGE]]               a mode page, or all of them
  logs     URL [PAGE[,SUBPAGE]]               a log page, or the list of them
  opcodes  URL [OPCODE[,ACTION]]              whether a command is supported, or all that are
  luns     URL                                the LUNs of the target
  readcap  URL                                capacity
  tpg      URL                                target port groups (ALUA); also: alua
  pr       URL [keys|reservation|status|capabilities]
                                              persistent reservations (default: the first three)
What bytes say, without a LUN:
  sense    [HEX…]                             sense data, from standard input without HEX
  cdb      [HEX…]                             a CDB

  PAGE, SUBPAGE, OPCODE and ACTION are numbers such as 131, 0x83 or 83h.

  --all                every page that is listed (inq --vpd, logs)
  --values KIND        current, changeable, default or saved (modes; default current)
  --json               answers as JSON: command, CDB, data and description
  --hex                answers as hexadecimal digits, as sg3-utils read them with --inhex
  --raw                answers as they are
  --offset BYTES       where to begin (read, write; default 0)
  --length BYTES       how much to read (default: to the end)
  --block BYTES        length of one request of bench (default 4096)
  --depth N            requests of bench at the same time (default 32)
  --seconds N          how long bench runs (default 5)
  --initiator-name IQN who we are
  --target-secret TEXT mutual CHAP: the target must know this secret
  --digests            CRC32C on headers and data
  --connections N      connections of the session (default 1)
  --error-recovery-level N
                       0, 1 or 2: what a lost PDU or a lost connection costs (default 0)
  --help               this text

A name and a secret for CHAP stand in the URL: iscsi://name%secret@host/…; iscsis: asks for TLS.

Exit status: 0, 1 when it failed, 2 when the command line makes no sense, 3 when the LUN does not know the command, the
page or a field.`;
