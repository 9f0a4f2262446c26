/** Why a medium cannot be taken out or put in. */
export type MediumPresenceErrorCode =
  | 'SCSI_NOT_REMOVABLE'
  | 'SCSI_MEDIUM_REMOVAL_PREVENTED'
  | 'SCSI_MEDIUM_BUSY'
  | 'SCSI_MEDIUM_PRESENT'
  | 'SCSI_NO_MEDIUM';

const MESSAGES: Readonly<Record<MediumPresenceErrorCode, string>> = {
  SCSI_NOT_REMOVABLE: 'the medium of this unit cannot be taken out',
  SCSI_MEDIUM_REMOVAL_PREVENTED: 'an initiator prevents the removal of the medium',
  SCSI_MEDIUM_BUSY: 'the medium is being formatted or sanitized',
  SCSI_MEDIUM_PRESENT: 'there is a medium already',
  SCSI_NO_MEDIUM: 'there is no medium',
};

/** What `eject` and `insert` of a logical unit are refused with. */
export class MediumPresenceError extends Error {
  override readonly name = 'MediumPresenceError';
  readonly code: MediumPresenceErrorCode;

  constructor(code: MediumPresenceErrorCode) {
    super(MESSAGES[code]);
    this.code = code;
  }
}
