/**
 * The files of a journal and their names.
 *
 * - `s<ordinal>-<epoch>.segment`: batches; or none yet, made ahead of its use.
 * - `c<epoch>-<batch sequence>.checkpoint`: the index after that batch.
 * - `*.tmp`: being written, or room for the next one; means nothing.
 *
 * Numbers are padded so that names sort as the numbers do. The epoch is part of a segment's name so
 * that two owners who believe in themselves at the same time never have the same file.
 */
import { join } from 'node:path';
import type { Files } from '@batonmq/runtime';

export interface SegmentFile {
  readonly ordinal: number;
  readonly epoch: number;
  readonly name: string;
}

export interface CheckpointFile {
  readonly epoch: number;
  readonly sequence: number;
  readonly name: string;
}

export interface JournalListing {
  /** By ordinal, then epoch. */
  readonly segments: readonly SegmentFile[];
  /** Newest first. */
  readonly checkpoints: readonly CheckpointFile[];
  /** Left over from a write that did not come to its end. */
  readonly unfinished: readonly string[];
}

const SEGMENT_NAME = /^s(\d{10})-(\d{16})\.segment$/;
const CHECKPOINT_NAME = /^c(\d{16})-(\d{16})\.checkpoint$/;

export function segmentName(ordinal: number, epoch: number): string {
  return `s${pad(ordinal, 10)}-${pad(epoch, 16)}.segment`;
}

export function checkpointName(epoch: number, sequence: number): string {
  return `c${pad(epoch, 16)}-${pad(sequence, 16)}.checkpoint`;
}

/** What is in a journal's directory; files of others are not looked at. */
export async function listJournal(files: Files, directory: string): Promise<JournalListing> {
  const segments: SegmentFile[] = [];
  const checkpoints: CheckpointFile[] = [];
  const unfinished: string[] = [];
  for (const name of await files.list(directory)) {
    const segment = SEGMENT_NAME.exec(name);
    const checkpoint = CHECKPOINT_NAME.exec(name);
    if (segment !== null) {
      segments.push({ ordinal: Number(segment[1]), epoch: Number(segment[2]), name });
    } else if (checkpoint !== null) {
      checkpoints.push({ epoch: Number(checkpoint[1]), sequence: Number(checkpoint[2]), name });
    } else if (name.endsWith('.checkpoint.tmp')) {
      unfinished.push(name);
    }
  }
  segments.sort((a, b) => a.ordinal - b.ordinal || a.epoch - b.epoch);
  checkpoints.sort((a, b) => b.epoch - a.epoch || b.sequence - a.sequence);
  return { segments, checkpoints, unfinished };
}

export function pathOf(directory: string, name: string): string {
  return join(directory, name);
}

function pad(value: number, digits: number): string {
  return value.toString().padStart(digits, '0');
}
