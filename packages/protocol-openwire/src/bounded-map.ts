/**
 * A cache of things that can be made again at any time. When full it forgets everything: what is in
 * use comes back with its next use, and no order of uses has to be kept.
 */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): V {
    if (this.#entries.size >= this.#countMax) this.#entries.clear();
    this.#entries.set(key, value);
    return value;
  }
}
