/**
 * The client side of snapshots: suspends the applications and file systems that use some disks, has a snapshot of all
 * of them taken over NBS, and resumes; brings disks back.
 *
 * {@link restoreByRedirect} moves a live iSCSI session to a copy of what a snapshot has.
 * {@link takeConsistent} does the first, with {@link QuiesceDriver}s for databases, file systems, commands and HTTP.
 *
 * @packageDocumentation
 */
export {
  cloneSnapshots,
  restoreByRedirect,
  type CloneOptions,
  type CloneReport,
  type RedirectableSession,
  type RedirectReport,
} from './clone-restore.ts';
export {
  takeConsistent,
  type ConsistentOptions,
  type ConsistentReport,
  type Step,
  type TakenSnapshot,
} from './consistent-snapshot.ts';
export { ManagerError, type ManagerErrorCode } from './manager-error.ts';
export { parsePlan, type GroupPlan, type Plan, type RestorePlan, type ServerPlan } from './plan/plan.ts';
export { commandDriver, fsfreezeDriver, httpDriver } from './quiesce/command-drivers.ts';
export type { Layer, QuiesceDriver, SuspendLimits, Suspension } from './quiesce/driver.ts';
export type { Command, CommandPair } from './quiesce/guard.ts';
export { type ConsistencyLevel, type DriverOutcome } from './quiesce/quiesce.ts';
export { mysqlDriver, postgresqlDriver } from './quiesce/sql-drivers.ts';
export { QuiesceAgent, type QuiesceRun, type QuietGroup } from './quiesce-agent.ts';
export { restoreGroup, type RestoreReport } from './restore-group.ts';
