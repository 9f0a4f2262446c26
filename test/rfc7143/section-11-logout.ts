import type { RfcRule } from '../support/rfc-rule.ts';

/** Rules of RFC 7143 §11.14 and §11.15: Logout Request and Response. */
export const section11Logout: readonly RfcRule[] = [
  {
    id: '11.14-1',
    level: 'MUST NOT',
    who: 'initiator',
    says:
      'After sending the Logout Request PDU, an initiator MUST NOT send any new iSCSI requests on ' +
      'the closing connection.',
  },
  {
    id: '11.14-2',
    level: 'MUST NOT',
    who: 'both',
    says:
      'If the Logout Request is intended to close the session, new iSCSI requests MUST NOT be sent ' +
      'on any of the connections participating in the session.',
  },
  {
    id: '11.14-3',
    level: 'MUST',
    who: 'target',
    says:
      'When receiving a Logout Request with the reason code "close the connection" or "close the ' +
      'session", the target MUST terminate all pending commands, whether acknowledged via the ' +
      'ExpCmdSN or not …',
  },
  {
    id: '11.14-4',
    level: 'MUST',
    who: 'target',
    says:
      'When receiving a Logout Request with the reason code "remove the connection for recovery", ' +
      'the target MUST discard all requests not yet acknowledged via the ExpCmdSN that were issued ' +
      'on the specified …',
  },
  {
    id: '11.14-5',
    level: 'MUST',
    who: 'initiator',
    says:
      'After receiving the Logout Response and attempting to receive the FIN (if still possible), ' +
      'the initiator MUST completely close the logging-out connection.',
  },
  {
    id: '11.14-6',
    level: 'MUST',
    who: 'initiator',
    says:
      'If an initiator intends to start recovery for a failing connection, it MUST use the Logout ' +
      'Request to "clean up" the target end of a failing connection and enable recovery to start …',
  },
  {
    id: '11.14.2-1',
    level: 'MUST',
    who: 'both',
    says: 'For this PDU, TotalAHSLength and DataSegmentLength MUST be 0.',
  },
  {
    id: '11.14.5-1',
    level: 'MUST',
    who: 'target',
    says:
      'After the tasks are terminated, the target MUST report a Unit Attention condition on the ' +
      'next command processed on any connection for each affected I_T_L nexus with the status of ' +
      'CHECK CONDITION …',
  },
  {
    id: '11.15-1',
    level: 'MUST',
    who: 'both',
    says:
      'After Logout, the TCP connection referred by the CID MUST be closed at both ends (or all ' +
      'connections must be closed if the logout reason was session close).',
  },
  {
    id: '11.15.2-1',
    level: 'MUST',
    who: 'both',
    says: 'For this PDU, TotalAHSLength and DataSegmentLength MUST be 0.',
  },
];
