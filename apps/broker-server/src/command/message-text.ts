import type { ReceivedMessage } from '@batonmq/client';

/** A message's body on one line, whatever its kind. */
export function bodyText(message: ReceivedMessage): string {
  switch (message.kind) {
    case 'text':
      return message.text ?? '';
    case 'bytes':
      return `${message.bytes?.length ?? 0} bytes`;
    case 'map':
      return JSON.stringify(message.map);
    case 'stream':
      return JSON.stringify(message.stream);
    case 'object':
      return 'a Java object';
    case 'blob':
      return 'a blob';
    case 'empty':
      return '';
  }
}
