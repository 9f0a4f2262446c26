import type { RfcRule } from '../support/rfc-rule.ts';
import { section11Commands } from './section-11-commands.ts';
import { section11Data } from './section-11-data.ts';
import { section11LoginRequest } from './section-11-login-request.ts';
import { section11LoginResponse } from './section-11-login-response.ts';
import { section11Logout } from './section-11-logout.ts';
import { section11Nop } from './section-11-nop.ts';
import { section11Responses } from './section-11-responses.ts';
import { section11Snack } from './section-11-snack.ts';
import { section11TaskManagement } from './section-11-task-management.ts';
import { section11Text } from './section-11-text.ts';
import { section13Data } from './section-13-data.ts';
import { section13Names } from './section-13-names.ts';
import { section13Sessions } from './section-13-sessions.ts';
import { section4Abort } from './section-4-abort.ts';
import { section4FastAbort } from './section-4-fast-abort.ts';
import { section4Names } from './section-4-names.ts';
import { section4Numbering } from './section-4-numbering.ts';
import { section4Ordering } from './section-4-ordering.ts';
import { section4Phases } from './section-4-phases.ts';
import { section6Login } from './section-6-login.ts';
import { section6Negotiation } from './section-6-negotiation.ts';
import { section6Sessions } from './section-6-sessions.ts';
import { section6Values } from './section-6-values.ts';
import { section7Discovery } from './section-7-discovery.ts';
import { section7Errors } from './section-7-errors.ts';
import { section7Recovery } from './section-7-recovery.ts';
import { section8Connections } from './section-8-connections.ts';
import { section8Sessions } from './section-8-sessions.ts';

/** Every rule of RFC 7143 §§4, 6, 7, 8, 11 and 13, in its order. */
export const rfc7143Rules: readonly RfcRule[] = [
  ...section4Numbering,
  ...section4Ordering,
  ...section4Abort,
  ...section4FastAbort,
  ...section4Phases,
  ...section4Names,
  ...section6Negotiation,
  ...section6Values,
  ...section6Login,
  ...section6Sessions,
  ...section7Recovery,
  ...section7Discovery,
  ...section7Errors,
  ...section8Connections,
  ...section8Sessions,
  ...section11Commands,
  ...section11Responses,
  ...section11TaskManagement,
  ...section11Data,
  ...section11Text,
  ...section11LoginRequest,
  ...section11LoginResponse,
  ...section11Logout,
  ...section11Snack,
  ...section11Nop,
  ...section13Names,
  ...section13Data,
  ...section13Sessions,
];
