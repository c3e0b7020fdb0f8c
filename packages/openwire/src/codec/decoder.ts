import { initialOf } from '../structure/build-command.ts';
import type { DataStructure } from '../structure/commands.ts';
import type { StackFrame, Throwable } from '../structure/data-structures.ts';
import { FrameInput } from './frame-input.ts';
import { HOT_READERS, type FieldReader, type RecentIds } from './hot-types.ts';
import { IncomingCache } from './object-cache.ts';
import { plansOf, type Plan, type Plans, type PlanStep, type TypeSet } from '../structure/plan.ts';
import { protocolError } from '../protocol-error.ts';
import type { CodecSettings } from './settings.ts';

/** Structures, or causes of exceptions, inside each other. The deepest seen in real traffic is 5. */
const DEPTH_MAX = 32;

/** Decodes the frames of one direction of one connection, in order. */
export class Decoder implements FieldReader {
  readonly version: number;
  readonly input: FrameInput;
  readonly recent: RecentIds = {
    producerId: initialOf('ProducerId'),
    consumerId: initialOf('ConsumerId'),
    destination: initialOf('ActiveMQQueue'),
  };
  readonly #isTight: boolean;
  readonly #withStackTraces: boolean;
  readonly #plans: Plans;
  readonly #hotReaders: typeof HOT_READERS;
  readonly #cache: IncomingCache | null;
  #depth = 0;

  /** @param hotReaders - Empty to go through the table for every type. */
  constructor(settings: CodecSettings, hotReaders = HOT_READERS) {
    this.version = settings.version;
    this.#isTight = settings.tightEncoding;
    this.#withStackTraces = settings.stackTraceEnabled;
    this.#hotReaders = hotReaders;
    this.#plans = plansOf(settings.version);
    this.input = new FrameInput(settings.tightEncoding);
    this.#cache = settings.cacheEnabled ? new IncomingCache(settings.cacheSize) : null;
  }

  /**
   * Decodes the frame body `bytes[start, end)`, without its size prefix.
   *
   * @throws BrokerError `BATON_PROTOCOL` with the position of the offending byte. The decoder must
   *   not be used after that: its cache no longer agrees with the peer's.
   */
  decode(bytes: Buffer, start: number, end: number): DataStructure {
    if (start >= end) throw protocolError('A frame is empty', 0);
    this.#depth = 0;
    const input = this.input;
    const structure = this.#structure(this.#plan(input.open(bytes, start, end)));
    input.close();
    return structure;
  }

  #plan(code: number): Plan {
    const plan = this.#plans[code];
    if (plan !== undefined) return plan;
    throw this.input.error(`Version ${this.version} has no type ${code}`);
  }

  #structure(plan: Plan): DataStructure {
    if (++this.#depth > DEPTH_MAX) throw this.input.error('Structures are nested too deeply');
    const hotReader = this.#hotReaders[plan.code];
    const structure = hotReader === undefined ? this.#byTable(plan) : hotReader(this);
    this.#depth--;
    return structure;
  }

  #byTable(plan: Plan): DataStructure {
    const structure = { ...plan.initial } as unknown as Record<string, unknown>;
    for (const step of plan.steps) {
      const value = this.#value(step);
      structure[step.name] = value;
      if (step.alsoSets !== null) structure[step.alsoSets] = value;
    }
    return structure as unknown as DataStructure;
  }

  #value(step: PlanStep): unknown {
    switch (step.wire) {
      case 'boolean':
        return this.input.boolean();
      case 'byte':
        return this.input.int8();
      case 'int':
        return this.input.int32();
      case 'long':
        return this.input.long();
      case 'string':
        return this.input.string();
      case 'bytes':
        return this.input.bytes();
      case 'magic':
        return this.input.view(8);
      case 'nested':
        return this.nested(step.holds);
      case 'cached':
        return this.cached(step.holds);
      case 'array':
        return this.array(step.holds);
      case 'throwable':
        return this.throwable();
    }
  }

  nested(holds: TypeSet): DataStructure | null {
    const input = this.input;
    if (!input.boolean()) return null;
    const plan = this.#plan(input.uint8());
    if (holds[plan.code] !== 1) throw input.error(`A ${plan.type} stands where it may not`);
    if (plan.isMarshalAware && this.#isTight && input.boolean()) {
      throw input.error('A structure in a form of its own inside a frame is not supported');
    }
    return this.#structure(plan);
  }

  cached(holds: TypeSet): DataStructure | null {
    const cache = this.#cache;
    if (cache === null) return this.nested(holds);
    const input = this.input;
    const isNew = input.boolean();
    const index = input.int16();
    if (!isNew) return cache.get(index, holds, input);
    const before = input.remaining;
    const structure = this.nested(holds);
    cache.set(index, structure, before - input.remaining, input);
    return structure;
  }

  array(holds: TypeSet): (DataStructure | null)[] | null {
    if (!this.input.boolean()) return null;
    const elements: (DataStructure | null)[] = [];
    for (let count = this.input.count(); count > 0; count--) elements.push(this.nested(holds));
    return elements;
  }

  throwable(): Throwable | null {
    const input = this.input;
    if (!input.boolean()) return null;
    if (++this.#depth > DEPTH_MAX) throw input.error('Causes are nested too deeply');
    const className = this.#text();
    const message = input.string();
    const withStack = this.#withStackTraces;
    const stackTrace = withStack ? this.#stackTrace() : null;
    const cause = withStack ? this.throwable() : null;
    this.#depth--;
    return { className, message, stackTrace, cause };
  }

  #stackTrace(): StackFrame[] {
    const frames: StackFrame[] = [];
    for (let count = this.input.count(); count > 0; count--) {
      frames.push({
        declaringClass: this.#text(),
        method: this.#text(),
        file: this.input.string(),
        line: this.input.int32(),
      });
    }
    return frames;
  }

  #text(): string {
    const text = this.input.string();
    if (text === null) throw this.input.error('A name in an exception is null');
    return text;
  }
}
