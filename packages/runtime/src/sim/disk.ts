/**
 * A disk that forgets as real ones do.
 *
 * Every file has two layers of 512-byte sectors: what the system holds (`cached`, what reads see)
 * and what the platter holds (`durable`). A datasync moves the sectors that were dirty when it was
 * called. Names are the same: creations, renames and removals are durable when the directory is synced.
 *
 * - Power loss: each dirty sector survives by the seed, also a later one without an earlier one; of the
 *   unsynced changes of names a prefix survives.
 * - Process crash: nothing cached is lost; a write in progress is cut at a sector.
 * - `EIO` from a datasync: the sectors become clean and are not durable. The next datasync succeeds
 *   without them (Linux since 4.13, see fsync(2)).
 * - `ENOSPC`: beyond `capacityBytes`; the part of the write that fitted is there.
 */
import { dirname, sep } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Files, FileStatus, OpenFile, OpenMode } from '../files.ts';
import type { SimRandom } from './random.ts';

export const SECTOR_BYTES = 512;
/** A sync takes up to this much virtual time. */
const SYNC_MS_MAX = 2;

/** One call to the disk, in the order in which they happen. */
export interface SimOperation {
  /** From 1. */
  readonly number: number;
  readonly kind:
    | 'open'
    | 'write'
    | 'read'
    | 'sync'
    | 'truncate'
    | 'rename'
    | 'remove'
    | 'list'
    | 'sync-directory';
  readonly path: string;
}

/** What goes wrong with an operation: an error of the system, or the end of the process in the middle of it. */
export type SimFault = 'EIO' | 'ENOSPC' | 'ENOENT' | 'crash';

export interface SimDiskOptions {
  readonly clock: Clock;
  readonly random: SimRandom;
  /** @defaultValue unlimited */
  readonly capacityBytes?: number;
}

interface Node {
  readonly id: number;
  readonly isDirectory: boolean;
  cached: Buffer;
  durable: Buffer;
  dirty: Set<number>;
  allocated: Set<number>;
  modifiedAt: number;
}

type Names = Map<string, Node>;

interface NameChange {
  readonly parents: readonly string[];
  readonly apply: (names: Names) => void;
}

export class SimDisk implements Files {
  /** Asked before each operation; what it answers happens to it. */
  inject: (operation: SimOperation) => SimFault | undefined = () => undefined;
  capacityBytes: number;
  readonly #clock: Clock;
  readonly #random: SimRandom;
  #names: Names = new Map();
  #durableNames: Names = new Map();
  #unsyncedNames: NameChange[] = [];
  #operationCount = 0;
  #nextId = 1;
  /** Grows with each crash: files opened before are dead. */
  #generation = 0;
  #isDown = false;

  constructor(options: SimDiskOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.capacityBytes = options.capacityBytes ?? Infinity;
  }

  /** Operations so far. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** True from an injected crash until {@link restart} or {@link losePower}. */
  get isDown(): boolean {
    return this.#isDown;
  }

  get usedBytes(): number {
    const nodes = new Set(this.#names.values());
    let sectors = 0;
    for (const node of nodes) sectors += node.allocated.size;
    return sectors * SECTOR_BYTES;
  }

  /** The process died; the system did not. Everything open is dead. */
  restart(): void {
    this.#generation += 1;
    this.#isDown = false;
  }

  /** The power went: of what was not synced, each sector survives with this probability. */
  losePower(survival: number): void {
    this.restart();
    const kept =
      survival === 1
        ? Infinity
        : survival === 0
          ? 0
          : this.#random.below(this.#unsyncedNames.length + 1);
    for (const change of this.#unsyncedNames.slice(0, kept)) change.apply(this.#durableNames);
    this.#unsyncedNames = [];
    this.#names = new Map(this.#durableNames);
    for (const node of new Set(this.#names.values())) this.#loseUnsynced(node, survival);
  }

  /** Flips one bit of what is stored, in both layers. */
  flipBit(path: string, offset: number, bit = 0): void {
    const node = this.#existing(path);
    for (const layer of [node.cached, node.durable]) {
      if (offset < layer.length) layer[offset] = (layer[offset] ?? 0) ^ (1 << bit);
    }
  }

  /** The disk as one process sees it: dead, with all its files, after the next crash. */
  process(): Files {
    return new SimProcess(this, () => this.#generation);
  }

  /** What is stored in a file now, as a reader sees it. */
  contents(path: string): Buffer {
    return Buffer.from(this.#existing(path).cached);
  }

  // Files

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    await this.#turn();
    return this.openSync(path, mode);
  }

  openSync(path: string, mode: OpenMode): OpenFile {
    this.#operate('open', path);
    let node = this.#names.get(path);
    if (node !== undefined && mode === 'create') throw systemError('EEXIST', path);
    if (node === undefined) {
      if (mode === 'read' || mode === 'read-write') throw systemError('ENOENT', path);
      if (!this.#hasDirectory(dirname(path))) throw systemError('ENOENT', path);
      node = this.#make(false);
      const made = node;
      this.#change([dirname(path)], (names) => names.set(path, made));
    }
    return new SimFile(this, this.#generation, path, node, mode !== 'read');
  }

  async list(directory: string): Promise<readonly string[]> {
    await this.#turn();
    this.#operate('list', directory);
    if (!this.#hasDirectory(directory)) throw systemError('ENOENT', directory);
    const children: string[] = [];
    for (const path of this.#names.keys()) {
      if (dirname(path) === directory) children.push(path.slice(directory.length + 1));
    }
    return children.sort();
  }

  async status(path: string): Promise<FileStatus | undefined> {
    await this.#turn();
    return this.statusSync(path);
  }

  statusSync(path: string): FileStatus | undefined {
    const node = this.#names.get(path);
    return node && statusOf(node);
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#turn();
    // Directories are durable at once: losing them is not what a store can do anything about.
    for (let at = path; !this.#names.has(at) && at !== dirname(at); at = dirname(at)) {
      const node = this.#make(true);
      this.#names.set(at, node);
      this.#durableNames.set(at, node);
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#turn();
    this.#operate('rename', from);
    if (!this.#names.has(from)) throw systemError('ENOENT', from);
    this.#change([dirname(from), dirname(to)], (names) => {
      for (const [path, node] of [...names]) {
        if (path !== from && !path.startsWith(from + sep)) continue;
        names.delete(path);
        names.set(to + path.slice(from.length), node);
      }
    });
  }

  async remove(path: string): Promise<void> {
    await this.#turn();
    this.#operate('remove', path);
    this.#change([dirname(path)], (names) => {
      for (const name of [...names.keys()]) {
        if (name === path || name.startsWith(path + sep)) names.delete(name);
      }
    });
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#turn();
    this.#operate('sync-directory', directory);
    if (!this.#hasDirectory(directory)) throw systemError('ENOENT', directory);
    const rest: NameChange[] = [];
    for (const change of this.#unsyncedNames) {
      if (change.parents.includes(directory)) change.apply(this.#durableNames);
      else rest.push(change);
    }
    this.#unsyncedNames = rest;
  }

  async freeBytes(): Promise<number> {
    await this.#turn();
    return this.capacityBytes - this.usedBytes;
  }

  // What open files do

  /** @internal */
  writeNode(
    generation: number,
    path: string,
    node: Node,
    bytes: Uint8Array,
    position: number,
  ): void {
    this.#alive(generation);
    const fault = this.#fault('write', path);
    if (fault === undefined) {
      const fitting = this.#fitting(node, bytes.length, position);
      this.#put(node, bytes.subarray(0, fitting), position);
      if (fitting < bytes.length) throw systemError('ENOSPC', path);
      return;
    }
    // What fails or is cut off has come to some sector.
    const sectors = this.#random.below(Math.ceil(bytes.length / SECTOR_BYTES) + 1);
    const cut = sectors * SECTOR_BYTES - (position % SECTOR_BYTES);
    this.#put(node, bytes.subarray(0, Math.max(0, Math.min(bytes.length - 1, cut))), position);
    throw this.#happen(fault, path);
  }

  /** @internal */
  readNode(
    generation: number,
    path: string,
    node: Node,
    into: Uint8Array,
    position: number,
  ): number {
    this.#alive(generation);
    this.#operate('read', path);
    const available = node.cached.subarray(position, position + into.length);
    into.set(available);
    return available.length;
  }

  /** @internal */
  truncateNode(generation: number, path: string, node: Node, sizeBytes: number): void {
    this.#alive(generation);
    this.#operate('truncate', path);
    const grown = Buffer.alloc(sizeBytes);
    node.cached.copy(grown, 0, 0, sizeBytes);
    node.cached = grown;
    node.allocated = new Set([...node.allocated].filter((one) => one * SECTOR_BYTES < sizeBytes));
    node.dirty = new Set([...node.dirty].filter((one) => one * SECTOR_BYTES < sizeBytes));
  }

  /** @internal */
  async syncNode(generation: number, path: string, node: Node): Promise<void> {
    this.#alive(generation);
    const dirty = node.dirty;
    node.dirty = new Set();
    await new Promise<void>((resolve) => {
      this.#clock.setTimer(this.#random.float() * SYNC_MS_MAX, resolve);
    });
    this.#alive(generation);
    this.finishSync(path, node, dirty);
  }

  /** @internal */
  finishSync(path: string, node: Node, dirty: Set<number>): void {
    const fault = this.#fault('sync', path);
    if (fault === 'crash') for (const sector of dirty) node.dirty.add(sector);
    if (fault !== undefined) throw this.#happen(fault, path);
    node.durable = resized(node.durable, node.cached.length);
    for (const sector of dirty) copySector(node.cached, node.durable, sector);
  }

  /** @internal */
  syncNodeSync(generation: number, path: string, node: Node): void {
    this.#alive(generation);
    const dirty = node.dirty;
    node.dirty = new Set();
    this.finishSync(path, node, dirty);
  }

  #put(node: Node, bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    const end = position + bytes.length;
    if (end > node.cached.length) node.cached = resized(node.cached, end);
    node.cached.set(bytes, position);
    node.modifiedAt = this.#clock.wallTime();
    for (
      let sector = Math.floor(position / SECTOR_BYTES);
      sector * SECTOR_BYTES < end;
      sector += 1
    ) {
      node.dirty.add(sector);
      node.allocated.add(sector);
    }
  }

  /** How many of the bytes find room. */
  #fitting(node: Node, length: number, position: number): number {
    if (this.capacityBytes === Infinity) return length;
    let free = Math.floor((this.capacityBytes - this.usedBytes) / SECTOR_BYTES);
    for (let at = position; at < position + length;) {
      const sector = Math.floor(at / SECTOR_BYTES);
      if (!node.allocated.has(sector)) free -= 1;
      if (free < 0) return at - position;
      at = (sector + 1) * SECTOR_BYTES;
    }
    return length;
  }

  #loseUnsynced(node: Node, survival: number): void {
    const before = node.cached;
    // The size is one thing that is lost or kept, like a sector.
    const size = this.#random.chance(survival) ? before.length : node.durable.length;
    node.cached = resized(node.durable, size);
    for (const sector of [...node.dirty].sort((a, b) => a - b)) {
      if (this.#random.chance(survival)) copySector(before, node.cached, sector);
    }
    node.durable = Buffer.from(node.cached);
    node.dirty = new Set();
    node.allocated = new Set(
      [...node.allocated].filter((sector) => sector * SECTOR_BYTES < node.cached.length),
    );
  }

  #make(isDirectory: boolean): Node {
    const id = this.#nextId;
    this.#nextId += 1;
    return {
      id,
      isDirectory,
      cached: Buffer.alloc(0),
      durable: Buffer.alloc(0),
      dirty: new Set(),
      allocated: new Set(),
      modifiedAt: this.#clock.wallTime(),
    };
  }

  #change(parents: readonly string[], apply: (names: Names) => void): void {
    apply(this.#names);
    this.#unsyncedNames.push({ parents, apply });
  }

  #hasDirectory(path: string): boolean {
    return this.#names.get(path)?.isDirectory === true;
  }

  #existing(path: string): Node {
    const node = this.#names.get(path);
    if (node === undefined) throw systemError('ENOENT', path);
    return node;
  }

  #operate(kind: SimOperation['kind'], path: string): void {
    const fault = this.#fault(kind, path);
    if (fault !== undefined) throw this.#happen(fault, path);
  }

  #fault(kind: SimOperation['kind'], path: string): SimFault | undefined {
    if (this.#isDown) return 'crash';
    this.#operationCount += 1;
    return this.inject({ number: this.#operationCount, kind, path });
  }

  #happen(fault: SimFault, path: string): Error {
    if (fault === 'crash') {
      this.#isDown = true;
      return systemError('EIO', path);
    }
    return systemError(fault, path);
  }

  #alive(generation: number): void {
    if (generation !== this.#generation) throw systemError('EBADF', 'a file of a dead process');
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.setImmediate(resolve);
    });
  }
}

class SimProcess implements Files {
  readonly #disk: SimDisk;
  readonly #now: () => number;
  readonly #generation: number;

  constructor(disk: SimDisk, now: () => number) {
    this.#disk = disk;
    this.#now = now;
    this.#generation = now();
  }

  open(path: string, mode: OpenMode): Promise<OpenFile> {
    return this.#alive().open(path, mode);
  }

  openSync(path: string, mode: OpenMode): OpenFile {
    return this.#alive().openSync(path, mode);
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#alive().list(directory);
  }

  status(path: string): Promise<FileStatus | undefined> {
    return this.#alive().status(path);
  }

  statusSync(path: string): FileStatus | undefined {
    return this.#alive().statusSync(path);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#alive().makeDirectory(path);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#alive().rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#alive().remove(path);
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#alive().syncDirectory(directory);
  }

  freeBytes(): Promise<number> {
    return this.#alive().freeBytes();
  }

  #alive(): SimDisk {
    if (this.#now() !== this.#generation) throw systemError('EBADF', 'a dead process');
    return this.#disk;
  }
}

class SimFile implements OpenFile {
  readonly path: string;
  readonly descriptor = -1;
  readonly #disk: SimDisk;
  readonly #generation: number;
  readonly #node: Node;
  readonly #isWritable: boolean;

  constructor(disk: SimDisk, generation: number, path: string, node: Node, isWritable: boolean) {
    this.#disk = disk;
    this.#generation = generation;
    this.path = path;
    this.#node = node;
    this.#isWritable = isWritable;
  }

  writeSync(bytes: Uint8Array, position: number): void {
    if (!this.#isWritable) throw systemError('EBADF', this.path);
    this.#disk.writeNode(this.#generation, this.path, this.#node, bytes, position);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    await Promise.resolve();
    this.writeSync(bytes, position);
  }

  readSync(into: Uint8Array, position: number): number {
    return this.#disk.readNode(this.#generation, this.path, this.#node, into, position);
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    await Promise.resolve();
    return this.readSync(into, position);
  }

  datasync(): Promise<void> {
    return this.#disk.syncNode(this.#generation, this.path, this.#node);
  }

  datasyncSync(): void {
    this.#disk.syncNodeSync(this.#generation, this.path, this.#node);
  }

  async truncate(sizeBytes: number): Promise<void> {
    await Promise.resolve();
    this.#disk.truncateNode(this.#generation, this.path, this.#node, sizeBytes);
  }

  async status(): Promise<FileStatus> {
    await Promise.resolve();
    return this.statusSync();
  }

  statusSync(): FileStatus {
    return statusOf(this.#node);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function statusOf(node: Node): FileStatus {
  return {
    sizeBytes: node.cached.length,
    identity: `sim:${node.id}`,
    isDirectory: node.isDirectory,
    modifiedAt: node.modifiedAt,
  };
}

function resized(bytes: Buffer, size: number): Buffer {
  const grown = Buffer.alloc(size);
  bytes.copy(grown, 0, 0, Math.min(size, bytes.length));
  return grown;
}

function copySector(from: Buffer, to: Buffer, sector: number): void {
  const start = sector * SECTOR_BYTES;
  from.copy(to, start, start, Math.min(start + SECTOR_BYTES, from.length));
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code });
}
