import { BrokerError, destination, type Destination } from '@batonmq/model';
import { command, DESTINATION_OPERATION } from '@batonmq/openwire';
import type { CallOptions } from '../deadline.ts';
import { toWireDestination } from '../message/wire-destination.ts';
import type { OutgoingCommand, ReplayCommand } from './channel.ts';

/** What temporary destinations use of their connection. */
export interface TemporaryContext {
  readonly connectionId: string;
  nextNumber(): number;
  request(asked: OutgoingCommand, what: string, options: CallOptions): Promise<unknown>;
}

/** The temporary destinations of a connection: each broker that it moves to gets them under the same names. */
export class TemporaryDestinations {
  readonly #context: TemporaryContext;
  readonly #created = new Map<string, Destination>();

  constructor(context: TemporaryContext) {
    this.#context = context;
  }

  async create(kind: 'temp-queue' | 'temp-topic', options: CallOptions): Promise<Destination> {
    const { connectionId } = this.#context;
    const created = destination(kind, `${connectionId}:${this.#context.nextNumber()}`);
    const info = this.#info(created, DESTINATION_OPERATION.add);
    await this.#context.request(info, 'Creating a temporary destination', options);
    this.#created.set(created.key, created);
    return created;
  }

  async remove(temporary: Destination, options: CallOptions): Promise<void> {
    if (!this.#created.has(temporary.key)) {
      throw new BrokerError(
        'BATON_INVALID_DESTINATION',
        `${temporary.key} is no temporary destination of this connection`,
        { details: { destination: temporary.key } },
      );
    }
    const info = this.#info(temporary, DESTINATION_OPERATION.remove);
    await this.#context.request(info, 'Deleting a temporary destination', options);
    this.#created.delete(temporary.key);
  }

  *replay(): Iterable<ReplayCommand> {
    for (const temporary of this.#created.values()) {
      yield { command: this.#info(temporary, DESTINATION_OPERATION.add) };
    }
  }

  #info(temporary: Destination, operationType: number): OutgoingCommand {
    return command('DestinationInfo', {
      connectionId: command('ConnectionId', { value: this.#context.connectionId }),
      destination: toWireDestination(temporary),
      operationType,
    });
  }
}
