import type { Connection } from './connection.ts';

/** Connections that have not finished their login. There are only so many: a new one cuts the oldest. */
export class HalfOpenLogins {
  readonly #limit: number;
  /** In the order in which they came. */
  readonly #connections = new Set<Connection>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A connection begins its login. */
  enter(connection: Connection): void {
    const [oldest] = this.#connections;
    if (oldest !== undefined && this.#connections.size >= this.#limit) oldest.fail();
    this.#connections.add(connection);
  }

  /** The login is over, in one way or the other. */
  leave(connection: Connection): void {
    this.#connections.delete(connection);
  }
}
