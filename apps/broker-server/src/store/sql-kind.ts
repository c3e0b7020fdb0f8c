import {
  checkDriver,
  jdbcLockStore,
  locationName,
  resolveJdbcLockOptions,
  type JdbcLockStoreOptions,
} from '@batonmq/store-jdbc-lock';
import type { Options } from '../config/option-section.ts';
import { HIDDEN, type StoreKind } from './store-kind.ts';

/** Databases that brokers share; `scheme` is that of the URI. */
export function sqlKind(scheme: string): StoreKind {
  const optionsOf = (location: string, options: Options): JdbcLockStoreOptions => ({
    ...options,
    database: `${scheme}:${location}`,
  });
  return {
    make: (location, options) => jdbcLockStore(optionsOf(location, options)),
    load: async (location, options) => {
      await checkDriver(resolveJdbcLockOptions(optionsOf(location, options)).location.kind);
    },
    effective: (location, options) => {
      const { location: place, ...rest } = resolveJdbcLockOptions(optionsOf(location, options));
      const given = Object.entries(rest).filter(([, value]) => value !== undefined);
      const hasPassword = 'password' in place && place.password !== undefined;
      return { ...(hasPassword && { password: HIDDEN }), ...Object.fromEntries(given) };
    },
    uriOf: (location, options) =>
      locationName(resolveJdbcLockOptions(optionsOf(location, options)).location),
    reserved: 'database',
    credentials: scheme === 'sqlite' ? [] : ['user', 'password'],
    texts: ['user', 'password', 'tlsCaFile', 'tablePrefix'],
  };
}
