import {
  Client,
  ReconnectionTimeMode,
  StompConfig,
  StompHeaders,
  type IMessage,
  type IStompSocket,
} from '@stomp/stompjs';

/** A client of `@stomp/stompjs` that has logged in; it does not reconnect. Rejects with what an ERROR says. */
export async function stompJsClient(
  webSocketFactory: () => IStompSocket,
  heartbeatMs = 0,
  connectHeaders: Readonly<Record<string, string>> = {},
): Promise<Client> {
  const config = Object.assign(new StompConfig(), {
    webSocketFactory,
    connectHeaders,
    reconnectDelay: 0,
    reconnectTimeMode: ReconnectionTimeMode.LINEAR,
    heartbeatIncoming: heartbeatMs,
    heartbeatOutgoing: heartbeatMs,
  });
  const client = new Client(config);
  await new Promise<void>((resolve, reject) => {
    client.onConnect = () => {
      resolve();
    };
    client.onStompError = ({ headers }) => {
      reject(new Error(headers['message']));
    };
    client.onWebSocketError = () => {
      reject(new Error('no connection'));
    };
    client.activate();
  });
  return client;
}

export function stompHeaders(headers: Readonly<Record<string, string>>): StompHeaders {
  return Object.assign(new StompHeaders(), headers);
}

/** What the ERROR says that answers `act`. */
export function refusalOf(client: Client, act: () => void): Promise<string> {
  return new Promise((resolve) => {
    client.onStompError = ({ body }) => {
      resolve(body);
    };
    act();
  });
}

/** Resolves when the broker has settled what `act` sends with that receipt. */
export async function settled(client: Client, act: (receipt: string) => void): Promise<void> {
  const receipt = `r-${Math.random()}`;
  await new Promise<void>((resolve) => {
    client.watchForReceipt(receipt, () => {
      resolve();
    });
    act(receipt);
  });
}

/** The next `count` messages of a destination; the subscription ends after them. */
export async function messagesOf(
  client: Client,
  destination: string,
  count: number,
  ack: 'auto' | 'client' | 'client-individual' = 'auto',
): Promise<readonly IMessage[]> {
  const messages: IMessage[] = [];
  await new Promise<void>((resolve) => {
    client.subscribe(
      destination,
      (message) => {
        messages.push(message);
        if (messages.length === count) resolve();
      },
      stompHeaders({ ack }),
    );
  });
  return messages;
}
