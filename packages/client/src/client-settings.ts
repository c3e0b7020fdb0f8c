import type { DiscoveryAgent, UriOption } from '@batonmq/discovery';
import type { WireFormatOptions } from '@batonmq/openwire';
import type { TlsTrust } from '@batonmq/transport';
import type { FailoverSettings } from './failover/failover-options.ts';
import type { JmsSettings } from './uri-settings.ts';

/** Everything a connection runs by: what the URI and the options said, complete. */
export interface ClientSettings {
  /** The brokers the user named. */
  readonly uris: readonly string[];
  readonly failover: FailoverSettings;
  /** `nested.` options, added to the query of every broker's URI. */
  readonly nestedOptions: readonly UriOption[];
  readonly agent: DiscoveryAgent | undefined;
  readonly jms: JmsSettings;
  readonly wireFormat: WireFormatOptions;
  readonly tls: TlsTrust | undefined;
  readonly clientId: string | undefined;
  readonly userName: string | undefined;
  readonly password: string | undefined;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly sendWindowCount: number;
  readonly sendWindowBytes: number;
  readonly sendQueueCount: number;
  readonly transactionReplayBytes: number;
}
