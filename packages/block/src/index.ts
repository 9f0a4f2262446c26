/**
 * Everything that stores is a {@link BlockDevice}: memory, a file, and what can be built from other devices.
 * Files, time and randomness are reached through the seams {@link Disk}, {@link Clock} and {@link Random}, each
 * with a real implementation and a simulated one.
 *
 * @packageDocumentation
 */
export * from './block-device.ts';
export * from './base-device.ts';
export * from './errors.ts';
export * from './extents.ts';
export * from './maybe-promise.ts';
export * from './buffers.ts';
export * from './clock.ts';
export * from './random.ts';
export * from './disk.ts';
export * from './memory-device.ts';
export * from './file-device.ts';
export * from './slice.ts';
export * from './concat.ts';
export * from './stripe.ts';
export * from './mirror.ts';
export * from './range-lock.ts';
export * from './space-ledger.ts';
export * from './disk-error.ts';
export { createRealDisk, realDisk, type RealDiskOptions } from './real/real-disk.ts';
export * from './simulated/seeded-random.ts';
export * from './simulated/simulated-clock.ts';
export * from './simulated/simulated-disk.ts';
export { DISK_CALLS, FaultPlan, type DiskCall } from './simulated/fault-plan.ts';
