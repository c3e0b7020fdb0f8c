import { closest } from '@batonmq/discovery';
import { BrokerError } from '@batonmq/model';

/**
 * Refuses options that a call does not have: a slip in a name shows instead of being without effect.
 *
 * @param names - All options of the call, as the keys of a table, which the compiler compares with their type.
 * @throws BrokerError `BATON_INVALID_OPTION`
 */
export function checkOptionNames(
  call: string,
  options: object,
  names: Readonly<Record<string, true>>,
): void {
  for (const option of Object.keys(options)) {
    if (Object.hasOwn(names, option)) continue;
    const guess = closest(option, Object.keys(names));
    throw new BrokerError(
      'BATON_INVALID_OPTION',
      `${call} has no option "${option}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`,
      { details: { option } },
    );
  }
}
