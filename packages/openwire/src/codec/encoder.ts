import type { ByteSink } from './byte-sink.ts';
import type { DataStructure } from '../structure/commands.ts';
import type { Long, StackFrame, Throwable } from '../structure/data-structures.ts';
import { FrameOutput } from './frame-output.ts';
import { HOT_WRITERS, type FieldWriter } from './hot-types.ts';
import { cacheKey, OutgoingCache } from './object-cache.ts';
import {
  codeOf,
  plansOf,
  type Plan,
  type Plans,
  type PlanStep,
  type TypeSet,
} from '../structure/plan.ts';
import { unwritable } from '../protocol-error.ts';
import type { CodecSettings } from './settings.ts';

/** Texts of exceptions may hold whole dumps; more than this no reader wants, and a frame refuses. */
const EXCEPTION_UNITS_MAX = 8192;

/** As deep as decoders go. */
const DEPTH_MAX = 32;

/** Encodes the frames of one direction of one connection, in order. */
export class Encoder implements FieldWriter {
  readonly version: number;
  readonly output: FrameOutput;
  readonly #isTight: boolean;
  readonly #withStackTraces: boolean;
  readonly #plans: Plans;
  readonly #hotWriters: typeof HOT_WRITERS;
  readonly #cache: OutgoingCache | null;
  #depth = 0;

  /** @param hotWriters - Empty to go through the table for every type. */
  constructor(settings: CodecSettings, hotWriters = HOT_WRITERS) {
    this.version = settings.version;
    this.#isTight = settings.tightEncoding;
    this.#withStackTraces = settings.stackTraceEnabled;
    this.#hotWriters = hotWriters;
    this.#plans = plansOf(settings.version);
    this.output = new FrameOutput(settings.tightEncoding, settings.maxFrameSize);
    this.#cache = settings.cacheEnabled ? new OutgoingCache(settings.cacheSize) : null;
  }

  /**
   * Adds one frame, size prefix included, to the sink.
   *
   * @throws BrokerError `BATON_FRAME_TOO_LARGE` if the frame exceeds what was negotiated,
   *   `BATON_INVALID_ARGUMENT` if a value does not fit its field or the version has no such type.
   *   The sink and the encoder are then as they were before.
   */
  encode(structure: DataStructure, sink: ByteSink): void {
    const plan = this.#plan(structure);
    const output = this.output;
    this.#depth = 0;
    this.#cache?.startFrame();
    output.open(sink, plan.code);
    try {
      this.#structure(plan, structure);
      output.close();
    } catch (error) {
      this.#cache?.abandonFrame();
      output.abandon();
      throw error;
    }
  }

  #plan(structure: DataStructure): Plan {
    const plan = this.#plans[codeOf(structure.type) ?? 0];
    if (plan !== undefined) return plan;
    throw unwritable(`Version ${this.version} has no ${structure.type}`);
  }

  #structure(plan: Plan, structure: DataStructure): void {
    if (++this.#depth > DEPTH_MAX) throw unwritable('Structures are nested too deeply');
    const hotWriter = this.#hotWriters[plan.code];
    if (hotWriter === undefined) this.#byTable(plan, structure);
    else hotWriter(this, structure as never);
    this.#depth--;
  }

  #byTable(plan: Plan, structure: DataStructure): void {
    const values = structure as unknown as Readonly<Record<string, unknown>>;
    for (const step of plan.steps) this.#value(step, values[step.name]);
  }

  /** The casts state what the table's type guarantees: a field's value fits its wire type. */
  #value(step: PlanStep, value: unknown): void {
    const output = this.output;
    switch (step.wire) {
      case 'boolean':
        output.boolean(value as boolean);
        return;
      case 'byte':
        output.int8(value as number);
        return;
      case 'int':
        output.int32(value as number);
        return;
      case 'long':
        output.long(value as Long);
        return;
      case 'string':
        output.string(value as string | null);
        return;
      case 'bytes':
        output.bytes(value as Uint8Array | null);
        return;
      case 'magic':
        output.rawBytes(value as Uint8Array);
        return;
      case 'nested':
        this.nested(value as DataStructure | null, step.holds);
        return;
      case 'cached':
        this.cached(value as DataStructure | null, step.holds);
        return;
      case 'array':
        this.array(value as readonly (DataStructure | null)[] | null, step.holds);
        return;
      case 'throwable':
        this.throwable(value as Throwable | null);
        return;
    }
  }

  nested(structure: DataStructure | null, holds: TypeSet): void {
    const output = this.output;
    if (structure === null) {
      output.boolean(false);
      return;
    }
    const plan = this.#plan(structure);
    if (holds[plan.code] !== 1) throw unwritable(`A ${plan.type} stands where it may not`);
    output.boolean(true);
    if (plan.isMarshalAware && this.#isTight) output.boolean(false);
    output.uint8(plan.code);
    this.#structure(plan, structure);
  }

  cached(structure: DataStructure | null, holds: TypeSet): void {
    const cache = this.#cache;
    if (cache === null) {
      this.nested(structure, holds);
      return;
    }
    const key = cacheKey(structure);
    const index = cache.indexOf(key);
    this.output.boolean(index === undefined);
    if (index !== undefined) this.output.int16(index);
    else if (this.#isTight) this.#defineTight(cache, key, structure, holds);
    else this.#defineLoose(cache, key, structure, holds);
  }

  /** The slot is given out after those of the structure's own parts, yet written before them. */
  #defineTight(cache: OutgoingCache, key: string, structure: DataStructure | null, holds: TypeSet) {
    const gap = this.output.gap();
    this.nested(structure, holds);
    this.output.fill(gap, cache.define(key));
  }

  #defineLoose(cache: OutgoingCache, key: string, structure: DataStructure | null, holds: TypeSet) {
    this.output.int16(cache.define(key));
    this.nested(structure, holds);
  }

  array(structures: readonly (DataStructure | null)[] | null, holds: TypeSet): void {
    this.output.boolean(structures !== null);
    if (structures === null) return;
    this.output.count(structures.length);
    for (const structure of structures) this.nested(structure, holds);
  }

  throwable(throwable: Throwable | null): void {
    const output = this.output;
    output.boolean(throwable !== null);
    if (throwable === null) return;
    if (++this.#depth > DEPTH_MAX) throw unwritable('Causes are nested too deeply');
    output.string(throwable.className);
    output.string(throwable.message?.slice(0, EXCEPTION_UNITS_MAX) ?? null);
    if (this.#withStackTraces) {
      this.#stackTrace(throwable.stackTrace ?? []);
      this.throwable(throwable.cause);
    }
    this.#depth--;
  }

  #stackTrace(frames: readonly StackFrame[]): void {
    const output = this.output;
    output.count(frames.length);
    for (const frame of frames) {
      output.string(frame.declaringClass);
      output.string(frame.method);
      output.string(frame.file);
      output.int32(frame.line);
    }
  }
}
