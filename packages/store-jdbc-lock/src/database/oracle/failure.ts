import { failureWith } from '../session-error.ts';
import type { Failure } from '../session.ts';

/**
 * By the numbers of the server (https://docs.oracle.com/en/error-help/db/) and those of the driver, `NJS-`. The driver
 * gives several numbers of the server the code NJS-500; they are here for what it does not know.
 */
const CODES: Readonly<Record<Exclude<Failure, 'fatal'>, readonly string[]>> = {
  disconnected: [
    // No more processes or sessions, now.
    ...['ORA-00018', 'ORA-00020', 'ORA-02391'],
    // The session was ended: by an administrator, for being idle, for its age.
    ...['ORA-00028', 'ORA-00031', 'ORA-01012', 'ORA-02396', 'ORA-02399'],
    // The database starts, stops, is mounted only, or lets in administrators alone.
    ...['ORA-01033', 'ORA-01034', 'ORA-01035', 'ORA-01089', 'ORA-01090', 'ORA-01092'],
    ...['ORA-01109', 'ORA-01219', 'ORA-01507'],
    // The connection broke, or none was made.
    ...['ORA-03113', 'ORA-03114', 'ORA-03135', 'ORA-03136'],
    ...['ORA-12153', 'ORA-12170', 'ORA-12505', 'ORA-12514', 'ORA-12516', 'ORA-12518'],
    ...['ORA-12519', 'ORA-12520', 'ORA-12521', 'ORA-12526', 'ORA-12527', 'ORA-12528'],
    ...['ORA-12537', 'ORA-12541', 'ORA-12543', 'ORA-12545', 'ORA-12547', 'ORA-12560'],
    ...['ORA-12570', 'ORA-12571', 'ORA-12583'],
    // Open read-only: a standby, also one that was the primary a moment ago; a switch of roles is under way.
    ...['ORA-16000', 'ORA-16003', 'ORA-16456'],
    // The driver's: closed, not answered in time, refused by the listener, cut off, no such service or host now.
    ...['NJS-003', 'NJS-123', 'NJS-500', 'NJS-501', 'NJS-503', 'NJS-506', 'NJS-509'],
    ...['NJS-510', 'NJS-511', 'NJS-513', 'NJS-518', 'NJS-521', 'NJS-530'],
    // The driver's, too: not understood, so that what comes next would not be either.
    ...['NJS-068', 'NJS-102', 'NJS-103', 'NJS-113'],
  ],
  retry: [
    // Locks: asked for without waiting, waited for too long, waited for by each other.
    ...['ORA-00054', 'ORA-00060', 'ORA-02049', 'ORA-04021', 'ORA-30006'],
    // Somebody ended the statement.
    'ORA-01013',
    // What a read or a transaction began with is gone, or was changed by another one.
    ...['ORA-01555', 'ORA-08176', 'ORA-08177'],
    // No shared memory, now.
    'ORA-04031',
  ],
  full: [
    // No room to archive what was committed.
    ...['ORA-00257', 'ORA-16038', 'ORA-19502', 'ORA-19504', 'ORA-19809', 'ORA-19815'],
    // A quota; a tablespace for tables, indexes, payloads, undo or sorting.
    ...['ORA-01536', 'ORA-01631', 'ORA-01632', 'ORA-01650', 'ORA-01651', 'ORA-01652', 'ORA-01653'],
    ...['ORA-01654', 'ORA-01658', 'ORA-01659', 'ORA-01683', 'ORA-01688', 'ORA-01691', 'ORA-01692'],
    ...['ORA-30032', 'ORA-30036'],
  ],
};

const BY_CODE: ReadonlyMap<unknown, Failure> = new Map(
  Object.entries(CODES).flatMap(([failure, codes]) =>
    codes.map((code) => [code, failure as Failure] as const),
  ),
);

export function oracleFailure(error: unknown): Failure {
  return failureWith(driverFailure, error);
}

function driverFailure(error: Error): Failure {
  return ('code' in error && BY_CODE.get(error.code)) || 'fatal';
}
