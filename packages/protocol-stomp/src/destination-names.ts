import type { BrokerConnection } from '@batonmq/broker-core';
import {
  BrokerError,
  destination,
  isTemporary,
  type Destination,
  type DestinationKind,
} from '@batonmq/model';
import type { Frame } from './codec/frame.ts';
import type { Header } from './codec/header.ts';

/** How the names of each kind begin, first those of STOMP, then those of the broker's own text form. */
const PREFIXES: readonly (readonly [string, DestinationKind])[] = [
  ['/queue/', 'queue'],
  ['/topic/', 'topic'],
  ['/remote-temp-queue/', 'temp-queue'],
  ['/remote-temp-topic/', 'temp-topic'],
  ['queue://', 'queue'],
  ['topic://', 'topic'],
  ['temp-queue://', 'temp-queue'],
  ['temp-topic://', 'temp-topic'],
];

/** Names of the connection's own temporary destinations: it makes them by using them. */
const OWN_PREFIXES: readonly (readonly [string, DestinationKind])[] = [
  ['/temp-queue/', 'temp-queue'],
  ['/temp-topic/', 'temp-topic'],
];

const REMOTE_PREFIX: Readonly<Record<DestinationKind, string>> = {
  queue: '/queue/',
  topic: '/topic/',
  'temp-queue': '/remote-temp-queue/',
  'temp-topic': '/remote-temp-topic/',
};

/** Names that one connection uses at a time; more only cost their conversion again. */
const CACHED_COUNT_MAX = 1000;

/** A name with the options behind it. */
export interface NamedDestination {
  readonly target: Destination;
  /** What follows the `?` of the name. */
  readonly options: string | undefined;
}

/** The temporary destinations of a client, both ways. */
interface OwnNames {
  readonly byName: Map<string, Destination>;
  readonly nameByKey: Map<string, string>;
}

/** How one client names destinations. Its temporary ones have names of its own choice. */
export class DestinationNames {
  readonly #connection: BrokerConnection;
  readonly #temporaryCountMax: number;
  readonly #known = new Map<string, NamedDestination>();
  /** Made with the first: most connections have none, and an idle one must cost little. */
  #own: OwnNames | undefined;
  #lastName = Buffer.alloc(0);
  #last: Destination | undefined;

  constructor(connection: BrokerConnection, temporaryCountMax: number) {
    this.#connection = connection;
    this.#temporaryCountMax = temporaryCountMax;
  }

  /**
   * The destination that a header names, which is there. A sender names the same one again and again:
   * then its bytes are compared and no string is made.
   *
   * @throws `BATON_INVALID_DESTINATION`, `BATON_LIMIT`.
   */
  ofHeader(frame: Frame, header: Header): Destination {
    const index = frame.indexOf(header);
    const start = frame.valueStartOf(index);
    const end = frame.valueEndOf(index);
    if (this.#last !== undefined && isSame(frame.bytes, start, end, this.#lastName)) {
      return this.#last;
    }
    const { target } = this.parse(frame.valueAt(index));
    this.#lastName = Buffer.from(frame.bytes.subarray(start, end));
    this.#last = target;
    return target;
  }

  /** @throws `BATON_INVALID_DESTINATION`, `BATON_LIMIT`. */
  parse(text: string): NamedDestination {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const named = this.#parse(text.trim());
    if (this.#known.size >= CACHED_COUNT_MAX) this.#known.clear();
    this.#known.set(text, named);
    return named;
  }

  /** How the client knows it. */
  format(target: Destination): string {
    return this.#own?.nameByKey.get(target.key) ?? remoteName(target);
  }

  #parse(text: string): NamedDestination {
    const optionsStart = text.indexOf('?');
    const name = optionsStart < 0 ? text : text.slice(0, optionsStart);
    const options = optionsStart < 0 ? undefined : text.slice(optionsStart + 1);
    if (!name.includes(',')) return { target: this.#one(name, 'queue'), options };
    const [first = '', ...rest] = name.split(',').map((part) => part.trim());
    const head = this.#one(first, 'queue');
    const parts = rest.map((part) => this.#one(part, head.kind).key);
    return { target: destination(head.kind, [head.name, ...parts].join(',')), options };
  }

  /** @param bare - What a name without a prefix is. */
  #one(name: string, bare: DestinationKind): Destination {
    for (const [prefix, kind] of OWN_PREFIXES) {
      if (name.startsWith(prefix)) return this.#ownDestination(name, kind);
    }
    for (const [prefix, kind] of PREFIXES) {
      if (name.startsWith(prefix)) return destination(kind, name.slice(prefix.length));
    }
    if (name !== '' && !name.startsWith('/')) return destination(bare, name);
    throw new BrokerError(
      'BATON_INVALID_DESTINATION',
      `The destination "${name}" begins with none of /queue/ /topic/ /temp-queue/ /temp-topic/`,
    );
  }

  #ownDestination(name: string, kind: DestinationKind): Destination {
    this.#own ??= { byName: new Map(), nameByKey: new Map() };
    const own: OwnNames = this.#own;
    const known = own.byName.get(name);
    if (known !== undefined) return known;
    const count = own.byName.size;
    if (count >= this.#temporaryCountMax) {
      throw new BrokerError(
        'BATON_LIMIT',
        `The connection has ${count} temporary destinations; "temporaryDestinationCountMax" allows no more`,
      );
    }
    const made = destination(kind, `${this.#connection.connectionId}:${count + 1}`);
    this.#connection.addDestination(made);
    own.byName.set(name, made);
    own.nameByKey.set(made.key, name);
    return made;
  }
}

/** How a client knows a destination that it did not make itself. */
export function remoteName(target: Destination): string {
  return `${REMOTE_PREFIX[target.kind]}${target.name}`;
}

/** True if two clients know it by different names. */
export function hasOwnName(target: Destination | undefined): target is Destination {
  return target !== undefined && isTemporary(target);
}

function isSame(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start !== name.length) return false;
  let index = 0;
  while (index < name.length && bytes[start + index] === name[index]) index += 1;
  return index === name.length;
}
