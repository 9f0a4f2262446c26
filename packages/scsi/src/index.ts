/**
 * SCSI termination: a device server that emulates SPC-4 and SBC-3 over any `BlockDevice`, and the codecs of
 * what it speaks: CDBs, sense data, INQUIRY and VPD pages, mode pages and parameter data, each both built and
 * read.
 *
 * A transport opens a {@link Nexus} on a {@link ScsiTarget} and gives it commands; what comes back is a
 * status, or an {@link Execution} whose data the transport moves. Hits of the block device complete without a
 * promise.
 *
 * @packageDocumentation
 */
export { Status } from './execution.ts';
export type { DataIn, DataOut, Execution, Finished, ScsiCommand, TaskAttribute } from './execution.ts';
export type { Nexus, NexusOptions, PendingAttention } from './nexus.ts';
export { ScsiTarget, type ScsiTargetOptions } from './target/scsi-target.ts';
export { LogicalUnit } from './unit/logical-unit.ts';
export type {
  LogicalUnitOptions,
  MediumOptions,
  UnitNames,
  UnitPolicy,
  WriteSameZero,
} from './unit/logical-unit-options.ts';
export { MediumPresenceError, type MediumPresenceErrorCode } from './unit/medium-presence-error.ts';
export type { UnitKind } from './unit/unit-kind.ts';
export { CopyDomain, type CopyDomainOptions } from './copy/copy-domain.ts';
export { UnitDoor, type Comparison, type UnitDoorOptions } from './unit/unit-door.ts';
export type { SpaceSource, SpaceUsage } from './unit/space-usage.ts';
export { EVERY_RIGHT, type RightsSource, type UnitRights } from './unit/unit-rights.ts';
export { contentReplaced, unitUse, type UnitUse } from './unit/unit-use.ts';
export type { KeptInformation } from './unit/identifying-information.ts';
export type {
  KeptOperations,
  MediumStateStore,
  OperationKind,
  UnfinishedOperation,
} from './unit/unfinished-operations.ts';
export {
  UnitStateError,
  type StoredUnitState,
  type UnitState,
  type UnitStateStore,
} from './unit/unit-state.ts';
export { IDENTITY_BYTES, NAA_COMPANY_ID, VENDOR_IDENTIFICATION } from './unit/identity.ts';
export { decodeLun, encodeLun, MAX_LUN, REPORT_LUNS_WELL_KNOWN } from './lun.ts';
export { supportedCommands, type SupportedCommand } from './commands/supported-commands.ts';

export { additionalSenseName } from './sense/additional-sense-names.ts';
export {
  AdditionalSenseCode,
  SenseKey,
  senseKeyName,
  type AdditionalSense,
} from './sense/additional-sense.ts';
export { explainSense } from './sense/explain-sense.ts';
export { statusName } from './sense/status-names.ts';
export { retryDelayMs, TOO_MANY_NEXUSES } from './sense/status-qualifier.ts';
export {
  describeSense,
  describeSenseData,
  encodeDescriptorSense,
  encodeFixedSense,
  encodeSense,
  parseSense,
  type FieldPointer,
  type SenseData,
} from './sense/sense-data.ts';
export type { ForwardedSense } from './sense/copy-sense.ts';
export { CheckConditionError } from './sense/check-condition-error.ts';

export type { FieldLocation, Structure } from './structure.ts';
export type { AnyCdbDefinition, CdbDefinition, CdbIdentity } from './cdb/cdb-definition.ts';
export { hasNaca } from './cdb/control-byte.ts';
export { CDB_DEFINITIONS } from './cdb/cdb-catalogue.ts';
export { describeCdb, findCdb } from './cdb/describe-cdb.ts';
export { explainCdb } from './description/explain-cdb.ts';
export {
  descriptionLines,
  descriptionText,
  MAX_PARTS,
  type DescribedField,
  type Description,
  type Meanings,
} from './description/description.ts';
export type { DataFormat } from './description/data-format.ts';
export {
  describeInquiry,
  describeVpdPage,
  explainInquiry,
  explainVpdPage,
} from './description/explain-inquiry.ts';
export { describeModePages, explainModePages } from './description/explain-mode.ts';
export { describeLogPage, explainLogPage } from './description/explain-log.ts';
export { COMMAND_DATA, explainDataIn, explainDataOut } from './data/command-data.ts';
export type { CommandData } from './data/command-data-row.ts';
export { VPD_PAGE_FORMATS, vpdPageName, type VpdPageFormat } from './inquiry/vpd-page-table.ts';
export { modePageName } from './mode/mode-page-names.ts';
export {
  findLogParameter,
  LOG_PARAMETER_FORMATS,
  logPageName,
  type LogParameterFormat,
} from './log/log-page-table.ts';
export { buildDiagnosticPage, parseDiagnosticPage, type DiagnosticPage } from './data/diagnostic-page.ts';
export * from './cdb/primary-cdbs.ts';
export * from './cdb/block-cdbs.ts';
export * from './cdb/persistent-reserve-cdbs.ts';
export * from './cdb/diagnostic-cdbs.ts';
export * from './cdb/medium-cdbs.ts';
export * from './cdb/identifying-information-cdbs.ts';
export * from './cdb/maintenance-cdbs.ts';
export * from './cdb/mmc-cdbs.ts';
export * from './cdb/variable-length-cdbs.ts';
export * from './cdb/path-cdbs.ts';
export * from './cdb/copy-cdbs.ts';

export {
  buildAbsentInquiry,
  buildStandardInquiry,
  parseStandardInquiry,
  type StandardInquiry,
  type StandardInquiryOptions,
  type StandardInquiryReader,
} from './inquiry/standard-inquiry.ts';
export {
  buildSupportedPages,
  buildUnitSerialNumber,
  buildVpdPage,
  parseSupportedPages,
  parseUnitSerialNumber,
  parseVpdPage,
  VpdPage,
  type ParsedVpdPage,
} from './inquiry/vpd-page.ts';
export {
  Association,
  buildDeviceIdentification,
  DesignatorType,
  parseDeviceIdentification,
  type Designator,
  type IdentificationOptions,
} from './inquiry/device-identification.ts';
export {
  buildModePagePolicy,
  buildScsiPorts,
  ModePagePolicy,
  parseModePagePolicy,
  parseScsiPorts,
  type ModePagePolicyDescriptor,
  type ScsiPort,
} from './inquiry/port-vpd-pages.ts';
export {
  buildBlockLimitsExtension,
  buildManagementAddresses,
  buildReferralsPage,
  ManagementService,
  MAX_MANAGEMENT_ADDRESSES,
  MAX_MANAGEMENT_URL_BYTES,
  parseBlockLimitsExtension,
  parseManagementAddresses,
  parseReferralsPage,
  type BlockLimitsExtension,
  type ManagementAddress,
  type Referrals,
} from './inquiry/path-vpd-pages.ts';
export { ACCESS_STATES, ACCESS_STATE_CODES, type AccessState, type PathNeed } from './path/access-state.ts';
export {
  MAX_TARGET_PORTS,
  type PortGroupChange,
  type PortGroupChanger,
  type PortGroupStatus,
  type TargetPortAddress,
} from './path/target-ports.ts';
export {
  buildThirdPartyCopy,
  parseThirdPartyCopy,
  ThirdPartyCopyDescriptorType,
  type BlockDeviceRodLimits,
  type BlockRodFeatures,
  type CopyParameterData,
  type GeneralCopyOperations,
  type RodTokenFeatures,
  type RodTypeDescriptor,
  type ThirdPartyCopy,
  type ThirdPartyCopyCommands,
  type ThirdPartyCopyOptions,
} from './inquiry/third-party-copy-page.ts';
export {
  buildBlockDeviceCharacteristics,
  buildBlockLimits,
  buildExtendedInquiry,
  buildLogicalBlockProvisioning,
  parseBlockDeviceCharacteristics,
  parseBlockLimits,
  parseExtendedInquiry,
  parseLogicalBlockProvisioning,
  type BlockDeviceCharacteristics,
  type BlockLimits,
  type ExtendedInquiry,
  type LogicalBlockProvisioning,
} from './inquiry/block-vpd-pages.ts';

export {
  buildModeParameters,
  DeviceSpecific,
  parseModeParameters,
  type ModeBlockDescriptor,
  type ModeHeaderSize,
  type ModePage,
  type ModeParameters,
  type ParsedModeParameters,
} from './mode/mode-parameters.ts';
export {
  buildCachingPage,
  buildControlPage,
  buildModePage,
  parseCachingPage,
  parseControlPage,
  parseModePage,
  type CachingPage,
  type ControlPage,
  type ParsedModePage,
} from './mode/mode-pages.ts';
export {
  buildProvisioningPage,
  parseProvisioningPage,
  ThresholdResource,
  type ProvisioningThreshold,
  type ProvisioningThresholds,
} from './mode/provisioning-mode-page.ts';
export { ModePageCode, ModeSubpageCode, type ModePageHeader } from './mode/mode-page-definition.ts';
export type { SavedModePages } from './mode/saved-mode-pages.ts';
export { PageControl } from './mode/mode-store.ts';

export {
  buildLogPage,
  buildLogParameters,
  LogPageCode,
  LogSubpageCode,
  parseLogPage,
  parseLogParameters,
  type LogPage,
  type LogParameter,
} from './log/log-page.ts';
export * from './log/log-parameters.ts';

export {
  buildReadCapacity10,
  buildReadCapacity16,
  parseReadCapacity10,
  parseReadCapacity16,
  type ReadCapacity10,
  type ReadCapacity16,
} from './data/read-capacity.ts';
export {
  buildDefectList,
  DefectListFormat,
  parseDefectList,
  type DefectList,
  type DefectListSize,
} from './data/defect-list.ts';
export { buildFormatList, parseFormatList, type FormatList } from './data/format-list.ts';
export { buildOverwriteList, parseOverwriteList, type OverwriteList } from './data/overwrite-list.ts';
export { buildSupportedTmf, parseSupportedTmf, type SupportedTmf } from './data/supported-tmf.ts';
export {
  buildTimestamp,
  buildTimestampList,
  parseTimestamp,
  TimestampOrigin,
  type Timestamp,
} from './data/timestamp.ts';
export {
  buildIdentifyingInformation,
  buildIdentifyingTypes,
  InformationType,
  parseIdentifyingInformation,
  parseIdentifyingTypes,
  type IdentifyingType,
} from './data/identifying-information.ts';
export * from './data/buffer-data.ts';
export {
  buildPortGroups,
  buildSetPortGroupsList,
  parsePortGroups,
  parseSetPortGroupsList,
  PortGroupsFormat,
  type PortGroupDescriptor,
  type ReportedPortGroup,
  type SetPortGroupDescriptor,
} from './data/port-groups.ts';
export {
  buildReferrals,
  parseReferrals,
  type ReferralSegment,
  type SegmentPortGroup,
} from './data/referrals.ts';
export { buildUnmapList, parseUnmapList, type BlockRange, type UnmapList } from './data/unmap-list.ts';
export { buildLbaStatus, parseLbaStatus, ProvisioningStatus, type LbaStatus } from './data/lba-status.ts';
export { buildLunList, parseLunList } from './data/lun-list.ts';
export {
  buildAllOpcodes,
  buildOneOpcode,
  parseAllOpcodes,
  parseOneOpcode,
  type CommandTimeouts,
  type OneOpcode,
  type SupportedOpcode,
} from './data/supported-opcodes.ts';

export { ReservationType } from './persistent-reservation/reservation-types.ts';
export type { ReservationAccess } from './persistent-reservation/conflict-rules.ts';
export type { NexusName } from './persistent-reservation/nexus-name.ts';
export {
  MAX_REGISTRATIONS,
  type Registration,
  type Reservation,
  type ReservationState,
} from './persistent-reservation/reservation-state.ts';
export {
  buildFullReservationStatus,
  buildReservationCapabilities,
  buildReservationKeys,
  buildReservationReport,
  parseFullReservationStatus,
  parseReservationCapabilities,
  parseReservationKeys,
  parseReservationReport,
  type FullReservationStatus,
  type RegistrationStatus,
  type ReservationCapabilities,
  type ReservationKeys,
  type ReservationReport,
} from './persistent-reservation/in-data.ts';
export {
  buildRegisterAndMoveList,
  buildReserveOutList,
  parseRegisterAndMoveList,
  parseReserveOutList,
  type RegisterAndMoveList,
  type ReserveOutList,
} from './persistent-reservation/out-list.ts';
export {
  CD_BLOCK_BYTES,
  discProfile,
  DiscProfile,
  MAX_CD_BLOCKS,
  minuteSecondFrame,
} from './data/disc-address.ts';
export {
  parseDiscInformation,
  parseMechanismStatus,
  parseTrackInformation,
  type DiscInformation,
  type MechanismStatus,
  type TrackInformation,
} from './data/disc-information.ts';
export {
  DiscStructureFormat,
  parseDiscStructure,
  parsePhysicalFormat,
  type DiscStructureEntry,
  type PhysicalFormat,
} from './data/disc-structure.ts';
export {
  LEAD_OUT_TRACK,
  parseFullToc,
  parseToc,
  TocFormat,
  type FullTocEntry,
  type TocTrack,
} from './data/disc-toc.ts';
export {
  FeatureCode,
  parseDriveFeatures,
  RequestedFeatures,
  type DriveFeature,
} from './data/drive-features.ts';
export { MEDIA_CLASS_BIT, MediaEvent, parseMediaEvent, type MediaStatus } from './data/media-event.ts';
export { parseCapabilitiesPage, type CapabilitiesPage } from './mode/cd-mode-pages.ts';
export { buildTransportId, parseTransportId } from './persistent-reservation/transport-id.ts';

export { blockGuard } from './protection/guard.ts';
export {
  buildProtectionInformation,
  parseProtectionInformation,
  PROTECTION_BYTES,
  type ProtectedBlocks,
  type ProtectionFields,
  type ProtectionInformation,
  type ProtectionType,
  type TagExpectation,
} from './protection/protection-information.ts';
export {
  protectionAreaBytes,
  ProtectionAreaError,
  type ProtectionAreaOptions,
} from './protection/protection-area.ts';
export { ProtectedDevice } from './protection/protected-device.ts';
export * from './copy/copy-formats.ts';
