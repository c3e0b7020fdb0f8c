/**
 * Users and groups of a broker from a file.
 *
 * @packageDocumentation
 */
export {
  resolveUsersFileOptions,
  USERS_FILE_DEFAULTS,
  type UsersFileOptions,
  type UsersFileSettings,
} from './options.ts';
export {
  formatPasswordHash,
  HASH_COST_DEFAULT,
  hashPassword,
  PASSWORD_BYTES_MAX,
  type HashCost,
  type PasswordHash,
} from './password-hash.ts';
export { formatUser, nameProblem, parseUserList, withUser, type User } from './user-list.ts';
export { openUsersFile, type UsersFile } from './users-file.ts';
