import { ERROR_CODES } from '@batonmq/model';

/** docs/reference/errors.md, made from the table in model. */
export function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { kind, meaning }]) => `| \`${code}\` | ${kind} | ${meaning} |`,
  );
  return `# Errors

Every expected failure is a \`BrokerError\` with a \`code\`, a \`kind\`, typed \`details\` and, where another
error is underneath, a \`cause\`. Match on \`code\`: it is stable within a major version, the text is not.
\`kind\` says what a caller can do:

| kind | what to do |
| --- | --- |
| invalid | Change the call; trying again does not help. |
| unavailable | Try again, here or at another broker. |
| fenced | This broker is no longer the active one; nothing took effect. |
| closed | The object was closed; open a new one. |
| timeout | The outcome is unknown unless the text says otherwise; a re-send is stored once. |
| aborted | Nothing: the caller asked for it, or the transaction is gone. |
| corrupt | Look at the storage: stored bytes are not what was written. |
| limit | Wait for room, send less, or raise the limit. |
| unauthorized | Use other credentials. |

| code | kind | meaning |
| --- | --- | --- |
${rows.join('\n')}

This page is made from the table in \`packages/model/src/error-codes.ts\`;
\`pnpm exec vitest run tooling/tidy --update\` writes it anew.
`;
}
