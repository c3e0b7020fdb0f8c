import type { ManagedProcess, ProcessExit } from './managed-process.ts';

/** A real database server of this machine, on the loopback interface. */
export interface DatabaseServer extends AsyncDisposable {
  readonly port: number;
  /** Names user and database too, as drivers take it. */
  readonly uri: string;
  /** Missing while it does not run. */
  readonly pid: number | undefined;
  /** As a power cut of its machine; resolves when nothing of it runs, so that its port is free. */
  kill(): Promise<ProcessExit>;
  /** In order, as a service manager would. */
  stop(): Promise<ProcessExit>;
  /** Again, on the same files and port, after it has ended; resolves when it answers. */
  start(): Promise<void>;
}

/** What differs between the servers. */
export interface DatabaseServerRecipe {
  readonly port: number;
  readonly uri: string;
  launch(): ManagedProcess;
  /** The line with which it says that it answers. */
  readonly ready: RegExp;
  /** Waits for what has to come after that line. @defaultValue nothing */
  answers?(): Promise<void>;
  /** Ends it in order without waiting for its clients. */
  readonly stopSignal: NodeJS.Signals;
  /** Leaves nothing of it running. */
  kill(server: ManagedProcess): Promise<ProcessExit>;
}

/** Starts a database server that can be ended and started again; resolves when it answers. */
export async function startDatabaseServer(recipe: DatabaseServerRecipe): Promise<DatabaseServer> {
  let server = await launched(recipe);
  let isRunning: boolean;
  const follow = (): void => {
    isRunning = true;
    void server.exited.then(() => {
      isRunning = false;
    });
  };
  follow();
  return {
    port: recipe.port,
    uri: recipe.uri,
    get pid() {
      return isRunning ? server.pid : undefined;
    },
    kill: () => (isRunning ? recipe.kill(server) : server.exited),
    stop: () => (isRunning ? server.kill(recipe.stopSignal) : server.exited),
    start: async () => {
      await server.exited;
      server = await launched(recipe);
      follow();
    },
    [Symbol.asyncDispose]: async () => {
      if (isRunning) await recipe.kill(server);
    },
  };
}

async function launched(recipe: DatabaseServerRecipe): Promise<ManagedProcess> {
  const server = recipe.launch();
  try {
    await server.line(recipe.ready);
    await recipe.answers?.();
    return server;
  } catch (error) {
    await recipe.kill(server);
    throw error;
  }
}
