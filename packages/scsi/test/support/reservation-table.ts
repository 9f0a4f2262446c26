import { CDB_DEFINITIONS, type SupportedCommand } from '../../src/index.ts';

/** The rows of SPC-4 table 65 and SBC-4 table 13 for the commands that there are. */
const FREE = new RegExp(
  '^(INQUIRY|LOG SENSE|REQUEST SENSE|TEST UNIT READY|READ CAPACITY .*|PERSISTENT RESERVE .*|' +
    'REPORT (ALL ROD TOKENS|IDENTIFYING INFORMATION|LUNS|TIMESTAMP|TARGET PORT GROUPS|REFERRALS)|' +
    'RECEIVE (COPY .*|ROD TOKEN INFORMATION))$',
);
const READS = new RegExp(
  '^(MODE SENSE|POPULATE TOKEN|READ|READ BUFFER|READ DEFECT DATA|VERIFY|PRE-FETCH|REZERO UNIT|SEEK|GET LBA STATUS|' +
    'RECEIVE DIAGNOSTIC RESULTS|REPORT SUPPORTED (OPERATION CODES|TASK MANAGEMENT FUNCTIONS))( \\(\\d+\\))?$',
);
/** These are not in the tables, or in several rows. */
const APART = /^(RESERVE|RELEASE|START STOP UNIT)( \(\d+\))?$/;

/**
 * What a command is to a persistent reservation, by its name as the standards have it and not as the table under test
 * says; undefined for those that stand in several rows or in none.
 */
export function standardAccess({ name }: SupportedCommand): 'free' | 'reads' | 'changes' | undefined {
  if (APART.test(name)) return undefined;
  if (FREE.test(name)) return 'free';
  return READS.test(name) ? 'reads' : 'changes';
}

/** A CDB of the command that asks for nothing, or is refused for that: what matters is the conflict. */
export function plainCdb({ name }: SupportedCommand): Uint8Array {
  const definition = CDB_DEFINITIONS.find((known) => known.name === name);
  if (definition === undefined) throw new Error(`no CDB ${name}`);
  return definition.encode();
}
