import type { Frame } from '../codec/frame.ts';
import { HEADER } from '../codec/header.ts';
import { FrameReceipt, type Peer } from '../peer.ts';

/** For a command that the broker settles later; none if the client does not want to know. */
export function receiptOf(peer: Peer, frame: Frame): FrameReceipt | undefined {
  const receiptId = frame.rawText(HEADER.receipt);
  return receiptId === undefined ? undefined : new FrameReceipt(peer, receiptId);
}

/** For a command that was carried out at once. */
export function writeReceipt(peer: Peer, frame: Frame): void {
  const receiptId = frame.rawText(HEADER.receipt);
  if (receiptId !== undefined) peer.writeReceipt(receiptId);
}
