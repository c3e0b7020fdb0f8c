import { present } from '@batonmq/model';
import type { StructureOf, TypeName } from './commands.ts';
import { TABLE } from './table.ts';

const INITIAL = new Map<TypeName, StructureOf<TypeName>>(
  Object.entries(TABLE).map(([type, row]) => {
    const fields = Object.entries(row.fields).filter(([, field]) => field.until >= 10);
    const values = fields.map(([name, field]) => [name, field.initial] as const);
    return [type as TypeName, { type, ...Object.fromEntries(values) } as StructureOf<TypeName>];
  }),
);

/** All fields of a structure with the protocol's initial values. Shared and never to be changed. */
export function initialOf<T extends TypeName>(type: T): StructureOf<T> {
  return present(INITIAL.get(type), 'the table has every type') as StructureOf<T>;
}

/**
 * Makes a command, or any other structure, from the fields that matter; the others get what a
 * fresh object of the protocol's reference implementation has: 0, false, null, with the few
 * exceptions documented on the types (`clientMaster` true, `lastDeliveredSequenceId` -2, …).
 *
 * @example
 * const keepAlive = command('KeepAliveInfo');
 * const queue = command('ActiveMQQueue', { physicalName: 'orders' });
 */
export function command<T extends TypeName>(
  type: T,
  fields?: Partial<Omit<StructureOf<T>, 'type'>>,
): StructureOf<T> {
  return { ...initialOf(type), ...fields };
}
