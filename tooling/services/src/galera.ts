import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseServer } from './database-server.ts';
import { makeMariaDbFiles, mariaDbData, mariaDbQuery, serveMariaDb } from './maria-db.ts';
import { freePorts } from './ports.ts';
import { unprivilegedDirectory } from './unprivileged.ts';

const PROVIDER = '/usr/lib/galera/libgalera_smm.so';
/** Clients, replication, the missed transactions of a node that comes back, the files of a new one. */
const PORTS_PER_NODE = 4;
/**
 * A node that is gone holds up the commits of the others for two seconds, less than half of Galera's default. With one,
 * a busy machine makes a node that joins give up.
 */
const GIVEN_UP = {
  'evs.keepalive_period': 'PT0.2S',
  'evs.inactive_check_period': 'PT0.2S',
  'evs.suspect_timeout': 'PT2S',
  'evs.inactive_timeout': 'PT6S',
};
const STATE = `SHOW STATUS WHERE Variable_name IN ('wsrep_cluster_size', 'wsrep_local_state_comment')`;
/** Between two looks at the state of a node. */
const LOOK_INTERVAL_MS = 50;
const SYNCED_WITHIN_MS = 60_000;

export interface GaleraOptions {
  /** Where all nodes keep everything; a new one. */
  readonly directory: string;
  /** @defaultValue 3 */
  readonly nodes?: number;
  /** For each node: `{ wsrep_sync_wait: '1' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** MariaDB servers of which each takes writes, and which have the same content. */
export interface Galera extends AsyncDisposable {
  /**
   * `start()` makes a node join those that run, of which there must be one; it resolves when the node
   * has what they have.
   */
  readonly nodes: readonly DatabaseServer[];
}

interface NodePorts {
  readonly client: number;
  readonly replication: number;
  readonly missed: number;
  readonly files: number;
}

/**
 * Starts a Galera cluster; resolves when each node has all others and what they have. Needs Debian's
 * `mariadb-server`.
 */
export async function startGalera(options: GaleraOptions): Promise<Galera> {
  const ports = await nodePorts(options.nodes ?? 3);
  const nodes: DatabaseServer[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  };
  try {
    for (const index of ports.keys()) nodes.push(await startNode(options, ports, index));
    await Promise.all(nodes.map((node) => waitUntilSynced(node.port, nodes.length)));
  } catch (error) {
    await dispose();
    throw error;
  }
  return { nodes, [Symbol.asyncDispose]: dispose };
}

async function nodePorts(count: number): Promise<NodePorts[]> {
  const ports = await freePorts(count * PORTS_PER_NODE);
  return Array.from({ length: count }, () => {
    const [client, replication, missed, files] = ports.splice(0, PORTS_PER_NODE) as [
      number,
      number,
      number,
      number,
    ];
    return { client, replication, missed, files };
  });
}

/** The first node makes the cluster when it starts first; later it joins like the others. */
async function startNode(
  options: GaleraOptions,
  ports: readonly NodePorts[],
  index: number,
): Promise<DatabaseServer> {
  const directory = join(options.directory, `node-${index + 1}`);
  const own = ports[index] as NodePorts;
  await unprivilegedDirectory(directory);
  if (index === 0) await makeMariaDbFiles(directory);
  // The others get all files from it when they join.
  else await unprivilegedDirectory(mariaDbData(directory));
  let known = index === 0 ? [] : ports;
  return serveMariaDb({
    directory,
    port: own.client,
    settings: () => {
      const settings = { ...nodeSettings(own, known), ...options.settings };
      known = ports;
      return settings;
    },
    answers: () => waitUntilSynced(own.client),
  });
}

function nodeSettings(own: NodePorts, known: readonly NodePorts[]): Record<string, string> {
  const peers = known.map(({ replication }) => `127.0.0.1:${replication}`);
  const provider = {
    'gmcast.listen_addr': `tcp://127.0.0.1:${own.replication}`,
    'ist.recv_addr': `tcp://127.0.0.1:${own.missed}`,
    'gcache.size': '16M',
    ...GIVEN_UP,
  };
  return {
    wsrep_on: 'ON',
    wsrep_provider: PROVIDER,
    wsrep_provider_options: Object.entries(provider)
      .map(([name, value]) => `${name}=${value}`)
      .join(';'),
    wsrep_cluster_address: `gcomm://${peers.join()}`,
    wsrep_node_address: `127.0.0.1:${own.replication}`,
    wsrep_sst_method: 'rsync',
    wsrep_sst_receive_address: `127.0.0.1:${own.files}`,
    // What the provider demands.
    binlog_format: 'ROW',
    innodb_autoinc_lock_mode: '2',
  };
}

/** Waits until the node has what `size` nodes or more have. */
async function waitUntilSynced(port: number, size = 1): Promise<void> {
  const deadline = performance.now() + SYNCED_WITHIN_MS;
  for (;;) {
    const state = await mariaDbQuery({ port }, STATE);
    const members = Number(/wsrep_cluster_size\t(\d+)/.exec(state)?.[1]);
    if (members >= size && /wsrep_local_state_comment\tSynced/.test(state)) return;
    if (performance.now() > deadline) throw new Error(`No node in step with ${size}: ${state}`);
    await delay(LOOK_INTERVAL_MS);
  }
}
