import { NbsRefusal, type OpenObject } from './service.ts';

/** An object that a session has open. */
export class OpenHandle {
  readonly number: number;
  readonly object: OpenObject;
  /** Identity of the object itself, also where a snapshot of it is open. */
  readonly uuid: string;
  readonly readOnly: boolean;
  /** Other writers are all right. */
  readonly shared: boolean;
  /** Epoch of its lease; 0 for who does not write. */
  epoch = 0;
  /** The client suspends what uses the object when it is asked to. */
  quiesces = false;
  /** Somebody else has taken the object over. */
  fenced = false;
  /** Ends the subscriptions to changes of the capacity, and to faults. */
  endWatch: () => void = () => undefined;

  constructor(
    number: number,
    object: OpenObject,
    options: { uuid: string; readOnly: boolean; shared: boolean },
  ) {
    this.number = number;
    this.object = object;
    this.uuid = options.uuid;
    this.readOnly = options.readOnly;
    this.shared = options.shared;
  }

  /** Throws what keeps the handle from changing the object: `READONLY`, `FENCED`. */
  checkWriter(epoch: number): void {
    if (this.readOnly) throw new NbsRefusal('READONLY', 'the object was opened for reading');
    if (this.fenced || (epoch !== 0 && epoch !== this.epoch))
      throw new NbsRefusal('FENCED', 'another client has taken the object over');
  }
}
