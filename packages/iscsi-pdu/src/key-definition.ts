/**
 * How a key's value comes about (RFC 7143 §6.2, §13): the result function of a negotiation, or a
 * declaration that is not answered. An `obsolete` key of RFC 3720 is answered with Reject (RFC 7143
 * §13.25). An `exchange` key belongs to a dialogue of its own.
 */
export type KeyKind =
  | 'boolean-and'
  | 'boolean-or'
  | 'numeric-min'
  | 'numeric-max'
  | 'list'
  | 'declarative'
  | 'numeric-declarative'
  | 'exchange'
  | 'obsolete';

/** When a key may be used: the two login stages and the Full Feature Phase. */
export type KeyStage = 'security' | 'operational' | 'full-feature';

/** When a key has no meaning and may be answered with Irrelevant. */
export type IrrelevantWhen = 'discovery-session' | 'no-unsolicited-data';

/** One row of the key table. */
export interface KeyDefinition {
  readonly name: string;
  readonly kind: KeyKind;
  /** Who may send it first. */
  readonly sender: 'initiator' | 'target' | 'both';
  readonly scope: 'session' | 'connection';
  readonly stages: readonly KeyStage[];
  /** Only on the leading connection of a session ("use: LO"). */
  readonly leadingOnly: boolean;
  /** Inclusive range of a numeric key. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** Values of a list key, or of a declarative key with a fixed choice, that RFC 7143 names. */
  readonly values?: readonly string[];
  /** The value in force when the key is not negotiated, as text. */
  readonly default?: string;
  readonly irrelevantWhen: readonly IrrelevantWhen[];
  /** Section of RFC 7143, unless another document is named. */
  readonly reference: string;
}
