/** What two peers agreed on that decides how frames look. */
export interface CodecSettings {
  /** 1 to 12. */
  readonly version: number;
  readonly tightEncoding: boolean;
  readonly cacheEnabled: boolean;
  /** Slots of the object cache, 100 to 16383; without meaning while `cacheEnabled` is false. */
  readonly cacheSize: number;
  /** Exceptions travel with their stack traces and causes. */
  readonly stackTraceEnabled: boolean;
  /** Bytes a frame may have, without its size prefix. */
  readonly maxFrameSize: number;
}

/** All that two peers agreed on. */
export interface WireFormatSettings extends CodecSettings {
  readonly tcpNoDelayEnabled: boolean;
  /** Milliseconds of silence after which a peer is taken for dead; 0 is never. */
  readonly maxInactivityDurationMs: number;
  /** Milliseconds before the first check for silence. */
  readonly maxInactivityInitialDelayMs: number;
}

/** The format before anything is agreed: what a `WireFormatInfo` itself is written in. */
export const INITIAL_SETTINGS: CodecSettings = {
  version: 1,
  tightEncoding: false,
  cacheEnabled: false,
  cacheSize: 0,
  stackTraceEnabled: false,
  // Real ones take about 350 bytes. A stranger's first frame needs no more memory than this.
  maxFrameSize: 8192,
};
