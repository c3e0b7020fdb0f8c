import { loadDriver } from '../driver.ts';

/** Its native part is loaded with the first database, so there has to be one. @throws as `loadDriver` */
export async function loadSqliteDriver(): Promise<void> {
  await loadDriver('better-sqlite3', async () => {
    const { default: BetterSqlite3 } = await import('better-sqlite3');
    new BetterSqlite3(':memory:').close();
  });
}
