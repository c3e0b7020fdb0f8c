import { z } from 'zod';
import { checkListenUri } from '@batonmq/transport';
import {
  policyProblems,
  virtualProblems,
  resolveBrokerOptions,
  type BrokerOptions,
  type PolicyEntry,
  type VirtualDestination,
} from '@batonmq/broker-core';
import { resolveOpenWireOptions, type OpenWireOptions } from '@batonmq/protocol-openwire';
import { resolveStompOptions, type StompOptions } from '@batonmq/protocol-stomp';
import { PROTOCOL_NAMES } from '../protocols.ts';
import { resolveTlsOptions, tlsProblem, type TlsOptions } from '../tls/tls-options.ts';
import {
  chooseStore,
  effectiveStore,
  storeLocation,
  type StoreChoice,
} from '../store/store-choice.ts';
import {
  checkedSection,
  listSection,
  isMapping,
  optionProblems,
  optionSection,
} from './option-section.ts';
import { effectiveSecurity, securityProblems, type SecuritySection } from './security-section.ts';

/** Makes a problem of what `check` throws: who uses a value knows best what is wrong with it. */
function refusedBy(check: (value: string) => unknown) {
  return (value: string, context: z.RefinementCtx): void => {
    try {
      check(value);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      context.addIssue({ code: 'custom', message });
    }
  };
}

/** A URI, or a `uri` with options beside it. The options are only judged if there is a store to ask. */
function checkStore(value: unknown, context: z.RefinementCtx): void {
  const { uri, ...options } = isMapping(value) ? value : { uri: value };
  if (typeof uri !== 'string') {
    context.addIssue({
      code: 'custom',
      message: 'must be a URI, or options with a uri among them',
    });
    return;
  }
  const countBefore = context.issues.length;
  refusedBy(() => chooseStore(storeLocation({ ...options, uri })))(uri, context);
  if (context.issues.length > countBefore) return;
  for (const { path, message } of optionProblems(options, (some) =>
    chooseStore({ ...some, uri }),
  )) {
    context.addIssue({ code: 'custom', message, path: [...path] });
  }
}

/** `off`, or `host:port` with an IPv6 host in brackets. */
function isAdminAddress(address: string): boolean {
  const port = /^(?:\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(address)?.[1];
  return address === 'off' || (port !== undefined && Number(port) <= 65_535);
}

const text = z.string({ error: 'must be text' });

/** A source alone does not say how much memory there is. */
const UNBOUNDED = { memoryLimitBytes: Infinity };

/** What may be set about the program, wherever it is set. Every key is optional there. */
export const SETTINGS_SCHEMA = z.strictObject(
  {
    name: text
      .regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores')
      .optional(),
    listen: z
      .array(
        text.superRefine(
          refusedBy((uri) => {
            checkListenUri(uri, PROTOCOL_NAMES);
          }),
        ),
        { error: 'must be a list of addresses' },
      )
      .min(1, 'must name at least one address')
      .optional(),
    store: z.custom<StoreChoice>().superRefine(checkStore).optional(),
    broker: optionSection<BrokerOptions>(resolveBrokerOptions).optional(),
    openwire: optionSection<OpenWireOptions>(resolveOpenWireOptions).optional(),
    stomp: optionSection<StompOptions>(resolveStompOptions).optional(),
    tls: optionSection<TlsOptions>(resolveTlsOptions)
      .superRefine((options, context) => {
        const message = tlsProblem(options ?? {});
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      })
      .optional(),
    policies: listSection<PolicyEntry>((entries) => policyProblems(entries, UNBOUNDED)).optional(),
    virtualDestinations: listSection<VirtualDestination>(virtualProblems).optional(),
    security: checkedSection<SecuritySection>(securityProblems).optional(),
    audit: text.min(1, 'must be log, off or a file').optional(),
    admin: text.refine(isAdminAddress, 'must be HOST:PORT or off').optional(),
    log: z.enum(['json', 'pretty'], { error: 'must be json or pretty' }).optional(),
    logLevel: z
      .enum(['debug', 'info', 'warn', 'error'], { error: 'must be debug, info, warn or error' })
      .optional(),
  },
  {
    error: (issue) =>
      issue.code === 'invalid_type' ? 'must be settings, each as name: value' : undefined,
  },
);

/** Settings of one source: a file, the environment, or the flags. */
export type PartialSettings = z.infer<typeof SETTINGS_SCHEMA>;

/** Names of all settings. */
export type SettingName = keyof PartialSettings;

/** Complete settings of a broker process. docs/reference/configuration.md describes each. */
export interface Settings {
  /** Shown to the other brokers in line, in logs and to clients. */
  readonly name: string;
  /** Where clients connect while this broker is active. */
  readonly listen: readonly string[];
  /** Where the messages are: `file:DIR`, `memory:` or a database, with options. */
  readonly store: StoreChoice;
  /** Limits and times. @defaultValue BROKER_DEFAULTS of broker-core */
  readonly broker?: BrokerOptions | undefined;
  /** How OpenWire clients are treated. @defaultValue OPEN_WIRE_DEFAULTS of protocol-openwire */
  readonly openwire?: OpenWireOptions | undefined;
  /** How STOMP clients are treated. @defaultValue STOMP_DEFAULTS of protocol-stomp */
  readonly stomp?: StompOptions | undefined;
  /** Certificate and key for TLS. @defaultValue TLS_DEFAULTS: none */
  readonly tls?: TlsOptions | undefined;
  /** What is set for single destinations and patterns of them. @defaultValue none */
  readonly policies?: readonly PolicyEntry[] | undefined;
  /** Destinations whose messages go on to others. @defaultValue the virtual topics `VirtualTopic.>` */
  readonly virtualDestinations?: readonly VirtualDestination[] | undefined;
  /** Who is let in, and to what. @defaultValue none: everybody, to everything */
  readonly security?: SecuritySection | undefined;
  /** Where it is written who did what: `log`, `off`, or a file. @defaultValue `log` with security, else `off` */
  readonly audit?: string | undefined;
  /** `HOST:PORT` of the HTTP interface for operators, or `off`. */
  readonly admin: string;
  readonly log: 'json' | 'pretty';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** The machine as far as the defaults depend on it. */
export interface Surroundings {
  readonly hostName: string;
  /** Standard output is a terminal, so a human reads it. */
  readonly isTerminal: boolean;
}

/** What is in force where nothing is said. */
export function defaultSettings(
  given: PartialSettings,
  { hostName, isTerminal }: Surroundings,
): Settings {
  const listen = given.listen ?? ['tcp://127.0.0.1:61616'];
  const port = /:(\d+)(?:\?|$)/.exec(listen[0] ?? '')?.[1] ?? '0';
  return {
    // Two brokers in line must differ in name; on one machine they differ at least in port.
    name: `${hostName.replace(/[^\w.-]/g, '-').slice(0, 58)}-${port}`,
    listen,
    store: 'file:./data',
    admin: '127.0.0.1:8161',
    log: isTerminal ? 'pretty' : 'json',
    logLevel: 'info',
  };
}

/** The settings with every option of every part, given or not. */
export function effectiveSettings(settings: Settings): Required<Settings> {
  return {
    ...settings,
    store: effectiveStore(settings.store),
    broker: resolveBrokerOptions(settings.broker),
    openwire: resolveOpenWireOptions(settings.openwire),
    stomp: resolveStompOptions(settings.stomp),
    tls: resolveTlsOptions(settings.tls),
    policies: settings.policies ?? [],
    security: settings.security && effectiveSecurity(settings.security),
    audit: settings.audit ?? (settings.security === undefined ? 'off' : 'log'),
    virtualDestinations: settings.virtualDestinations ?? [],
  };
}
