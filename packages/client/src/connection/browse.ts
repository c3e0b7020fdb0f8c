import { BrokerError } from '@batonmq/model';
import { ACK_TYPE, command, type ConsumerInfo, type MessageDispatch } from '@batonmq/openwire';
import { waitFor, type CallOptions } from '../deadline.ts';
import { AckRange } from '../consumer/ack-range.ts';
import { ReceivedMessage } from '../message/received-message.ts';
import type { Channel } from './channel.ts';
import type { Clock } from '@batonmq/runtime';

export interface BrowseOptions extends CallOptions {
  /** SQL-92 condition on headers and properties. */
  readonly selector?: string;
}

/** A look at the messages of a queue: they arrive here and stay there. */
export class Browser {
  readonly info: ConsumerInfo;
  readonly #channel: Channel;
  readonly #clock: Clock;
  /** At most the prefetch count: more comes only for what was acked. */
  readonly #arrived: ReceivedMessage[] = [];
  readonly #seen = new AckRange();
  #isOver = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(info: ConsumerInfo, channel: Channel, clock: Clock) {
    this.info = info;
    this.#channel = channel;
    this.#clock = clock;
  }

  dispatched({ message, redeliveryCounter }: MessageDispatch): void {
    if (message === null) this.#isOver = true;
    else this.#arrived.push(new ReceivedMessage(message, redeliveryCounter, 0, undefined));
    this.#wake?.();
  }

  /** A snapshot cannot be continued on another connection. */
  interrupted(): void {
    if (this.#isOver) return;
    this.failed(
      new BrokerError('BATON_DISCONNECTED', 'The connection broke during a browse: begin again'),
    );
  }

  failed(error: Error): void {
    this.#failure = error;
    this.#wake?.();
  }

  async *messages(options: CallOptions): AsyncGenerator<ReceivedMessage, void, undefined> {
    for (;;) {
      const message = this.#arrived.shift();
      if (message !== undefined) {
        this.#noteSeen(message);
        yield message;
      } else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#isOver) return;
      else await this.#change(options);
    }
  }

  async #change(options: CallOptions): Promise<void> {
    const wait = waitFor<undefined>(this.#clock, 'A browse', options, () => undefined);
    this.#wake = () => {
      wait.resolve(undefined);
    };
    await wait.promise;
  }

  /** The ack only opens the window: nothing is removed. */
  #noteSeen(message: ReceivedMessage): void {
    this.#seen.add(message);
    if (this.#seen.count * 2 < this.info.prefetchSize) return;
    const range = this.#seen.take();
    this.#channel.post(
      command('MessageAck', {
        consumerId: this.info.consumerId,
        destination: this.info.destination,
        ackType: ACK_TYPE.standard,
        firstMessageId: range?.first.wire.messageId ?? null,
        lastMessageId: range?.last.wire.messageId ?? null,
        messageCount: range?.count ?? 0,
      }),
    );
  }
}
