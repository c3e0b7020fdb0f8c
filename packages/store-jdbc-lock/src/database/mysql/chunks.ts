export interface ChunkLimits<T> {
  readonly countMax: number;
  /** Of the sizes of a chunk together. An item that is larger makes a chunk of its own. */
  readonly sizeMax?: number;
  readonly sizeOf?: (item: T) => number;
}

/** The items in their order, as many at a time as the limits allow. */
export function chunksOf<T>(
  items: readonly T[],
  { countMax, sizeMax = Infinity, sizeOf = () => 0 }: ChunkLimits<T>,
): readonly (readonly T[])[] {
  const chunks: T[][] = [];
  let open: T[] = [];
  let size = 0;
  for (const item of items) {
    const itemSize = sizeOf(item);
    if (open.length === 0 || open.length === countMax || size + itemSize > sizeMax) {
      open = [];
      size = 0;
      chunks.push(open);
    }
    open.push(item);
    size += itemSize;
  }
  return chunks;
}
